//! The macros that declare a shape once: the Rust type, its JSON form, its redacting `Debug` and its [`Shape`].
//!
//! [`Shape`]: crate::shape::Shape

use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};

use crate::shape::Member;

/// Reads a key and finds the member it names; an unknown key gives "".
pub(crate) struct Key(pub(crate) &'static [Member]);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Key {
    type Value = &'static str;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|member| member.name == text).map_or("", |member| member.name))
    }
}

/// The type of a field by whether its member is required.
macro_rules! field_type {
    (required $ty:ty) => { $ty };
    (optional $ty:ty) => { Option<$ty> };
}

/// Takes a field's value out of what was read.
macro_rules! take_field {
    (required $name:literal $read:ident) => {
        $read.ok_or_else(|| serde::de::Error::missing_field($name))?
    };
    (optional $name:literal $read:ident) => {
        $read
    };
}

/// Writes a field into a map; what is absent is left out.
macro_rules! put_field {
    (required $map:ident $name:literal $value:expr) => {
        $map.serialize_entry($name, $value)?
    };
    (optional $map:ident $name:literal $value:expr) => {
        if let Some(value) = $value {
            $map.serialize_entry($name, value)?;
        }
    };
}

macro_rules! is_required {
    (required) => {
        true
    };
    (optional) => {
        false
    };
}

macro_rules! place {
    () => {
        $crate::shape::Place::Body
    };
    (token) => {
        $crate::shape::Place::Token
    };
    (label) => {
        $crate::shape::Place::Label
    };
    (query) => {
        $crate::shape::Place::Query
    };
    (header $name:literal) => {
        $crate::shape::Place::Header($name)
    };
    (events) => {
        $crate::shape::Place::Events
    };
}

macro_rules! sensitivity {
    () => {
        false
    };
    (sensitive) => {
        true
    };
}

/// Makes the constructor of a structure: `new` with what is required, or `Default` where nothing is.
macro_rules! construct {
    ($name:ident [] [$($optional:ident)*]) => {
        impl Default for $name {
            fn default() -> Self {
                Self { $($optional: None,)* }
            }
        }
    };
    ($name:ident [$($required:ident: $ty:ty;)+] [$($optional:ident)*]) => {
        impl $name {
            /// A value with its required members; the optional ones are absent.
            #[allow(clippy::too_many_arguments, reason = "one for each required member")]
            pub fn new($($required: impl Into<$ty>),+) -> Self {
                Self { $($required: $required.into(),)+ $($optional: None,)* }
            }
        }
    };
    ($name:ident [$($done:tt)*] [$($optional:ident)*] required $field:ident: $ty:ty; $($rest:tt)*) => {
        construct! { $name [$($done)* $field: $ty;] [$($optional)*] $($rest)* }
    };
    ($name:ident [$($done:tt)*] [$($optional:ident)*] optional $field:ident: $ty:ty; $($rest:tt)*) => {
        construct! { $name [$($done)*] [$($optional)* $field] $($rest)* }
    };
}

/// Declares a structure: `structure! { /// docs  Name = "ModelName" [sensitive] { /// docs  required field: Type = "jsonName", &SHAPE[, place]; … } }`.
macro_rules! structure {
    (
        $(#[$meta:meta])*
        $name:ident = $model:literal $($sensitive:ident)? {
            $(
                $(#[$field_meta:meta])*
                $presence:ident $field:ident : $ty:ty = $json:literal, $shape:expr $(, $place:ident $($header:literal)?)?;
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq)]
        pub struct $name {
            $(
                $(#[$field_meta])*
                pub $field: field_type!($presence $ty),
            )*
        }

        construct! { $name [] [] $($presence $field: $ty;)* }

        impl $crate::shape::Shaped for $name {
            const SHAPE: &'static $crate::shape::Shape = {
                static SHAPE: $crate::shape::Shape = $crate::shape::Shape {
                    name: $model,
                    sensitive: sensitivity!($($sensitive)?),
                    kind: $crate::shape::Kind::Structure {
                        members: &[
                            $($crate::shape::Member {
                                name: $json,
                                shape: $shape,
                                required: is_required!($presence),
                                place: place!($($place $($header)?)?),
                            },)*
                        ],
                    },
                };
                &SHAPE
            };
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                #[allow(unused_imports, reason = "a structure without members writes none")]
                use serde::ser::SerializeMap;
                #[allow(unused_mut, reason = "a structure without members writes none")]
                let mut map = serializer.serialize_map(None)?;
                $(put_field!($presence map $json &self.$field);)*
                map.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Members;
                impl<'de> serde::de::Visitor<'de> for Members {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        let members = <$name as $crate::shape::Shaped>::SHAPE.members();
                        $(let mut $field: Option<$ty> = None;)*
                        while let Some(key) = map.next_key_seed($crate::declare::Key(members))? {
                            match key {
                                $($json => $field = map.next_value()?,)*
                                _ => {
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                }
                            }
                        }
                        Ok($name { $($field: take_field!($presence $json $field),)* })
                    }
                }
                deserializer.deserialize_map(Members)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                #[allow(unused_variables, reason = "a structure without members prints none")]
                let shape = <$name as $crate::shape::Shaped>::SHAPE;
                let mut out = f.debug_struct(stringify!($name));
                $(
                    let hidden = shape.sensitive || shape.member($json).is_none_or(|member| member.shape.sensitive);
                    if hidden {
                        out.field(stringify!($field), &$crate::redact::Hidden);
                    } else {
                        out.field(stringify!($field), &self.$field);
                    }
                )*
                out.finish()
            }
        }
    };
}

/// Declares a union: `union! { /// docs  Name = "ModelName" { /// docs  Variant(Type) = "jsonName", &SHAPE; … } }`.
macro_rules! union {
    (
        $(#[$meta:meta])*
        $name:ident = $model:literal {
            $(
                $(#[$variant_meta:meta])*
                $variant:ident($ty:ty) = $json:literal, $shape:expr;
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $(
                $(#[$variant_meta])*
                $variant($ty),
            )*
            /// An alternative that this version does not know, by its name; its contents are not kept.
            Unknown(String),
        }

        impl $crate::shape::Shaped for $name {
            const SHAPE: &'static $crate::shape::Shape = {
                static SHAPE: $crate::shape::Shape = $crate::shape::Shape {
                    name: $model,
                    sensitive: false,
                    kind: $crate::shape::Kind::Union {
                        members: &[
                            $($crate::shape::Member {
                                name: $json,
                                shape: $shape,
                                required: false,
                                place: $crate::shape::Place::Body,
                            },)*
                        ],
                    },
                };
                &SHAPE
            };
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap;
                let mut map = serializer.serialize_map(Some(1))?;
                match self {
                    $($name::$variant(value) => map.serialize_entry($json, value)?,)*
                    $name::Unknown(tag) => map.serialize_entry(tag, &serde_json::Map::new())?,
                }
                map.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Alternatives;
                impl<'de> serde::de::Visitor<'de> for Alternatives {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object with one member")
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        let mut found = None;
                        while let Some(key) = map.next_key::<String>()? {
                            let value = match key.as_str() {
                                $($json => map.next_value::<Option<$ty>>()?.map($name::$variant),)*
                                _ => map.next_value::<Option<serde::de::IgnoredAny>>()?.map(|_| $name::Unknown(key)),
                            };
                            match (value, &found) {
                                (Some(value), None) => found = Some(value),
                                (Some(_), Some(_)) => {
                                    return Err(serde::de::Error::custom("a union has more than one member"));
                                }
                                (None, _) => {}
                            }
                        }
                        found.ok_or_else(|| serde::de::Error::custom("a union has no member"))
                    }
                }
                deserializer.deserialize_map(Alternatives)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $($name::$variant(value) => f.debug_tuple(stringify!($variant)).field(value).finish(),)*
                    $name::Unknown(tag) => f.debug_tuple("Unknown").field(tag).finish(),
                }
            }
        }
    };
}

/// Declares an enumeration: `enumeration! { /// docs  Name = "ModelName" [sensitive] { /// docs  Variant = "VALUE", … } }`.
macro_rules! enumeration {
    (
        $(#[$meta:meta])*
        $name:ident = $model:literal $($sensitive:ident)? {
            $($(#[$variant_meta:meta])* $variant:ident = $value:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)*
            /// A value that this version does not know, as the service wrote it.
            Unknown(Box<str>),
        }

        impl $name {
            /// The values known to this version.
            pub const KNOWN: &'static [$name] = &[$($name::$variant,)*];

            /// The value as it is written on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $($name::$variant => $value,)*
                    $name::Unknown(value) => value,
                }
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                match value {
                    $($value => $name::$variant,)*
                    other => $name::Unknown(other.into()),
                }
            }
        }

        impl $crate::shape::Shaped for $name {
            const SHAPE: &'static $crate::shape::Shape = {
                static SHAPE: $crate::shape::Shape = $crate::shape::Shape {
                    name: $model,
                    sensitive: sensitivity!($($sensitive)?),
                    kind: $crate::shape::Kind::Enumeration { values: &[$($value,)*] },
                };
                &SHAPE
            };
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Value;
                impl serde::de::Visitor<'_> for Value {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a string")
                    }
                    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<$name, E> {
                        Ok($name::from(value))
                    }
                }
                deserializer.deserialize_str(Value)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                if <$name as $crate::shape::Shaped>::SHAPE.sensitive {
                    return f.write_str("<redacted>");
                }
                match self {
                    $($name::$variant => f.write_str(stringify!($variant)),)*
                    $name::Unknown(value) => f.debug_tuple("Unknown").field(value).finish(),
                }
            }
        }
    };
}

/// Declares the shapes of strings, numbers, lists and maps: `scalars! { /// docs  NAME = "ModelName" [sensitive]: string 1..=64 "pattern"; … }`.
macro_rules! scalars {
    ($($(#[$meta:meta])* $name:ident = $model:literal $($sensitive:ident)? : $kind:ident ($($args:tt)*);)*) => {
        $(
            $(#[$meta])*
            pub static $name: $crate::shape::Shape = $crate::shape::Shape {
                name: $model,
                sensitive: sensitivity!($($sensitive)?),
                kind: scalar_kind!($kind ($($args)*)),
            };
        )*
    };
}

macro_rules! scalar_kind {
    (boolean ()) => { $crate::shape::Kind::Boolean };
    (long ()) => { $crate::shape::Kind::Long };
    (double ()) => { $crate::shape::Kind::Double };
    (blob ()) => { $crate::shape::Kind::Blob };
    (epoch_seconds ()) => { $crate::shape::Kind::Timestamp($crate::shape::TimestampFormat::EpochSeconds) };
    (iso8601 ()) => { $crate::shape::Kind::Timestamp($crate::shape::TimestampFormat::Iso8601) };
    (integer ($min:expr, $max:expr)) => { $crate::shape::Kind::Integer { min: Some($min), max: Some($max) } };
    (string ()) => { $crate::shape::Kind::String { min: None, max: None, pattern: None } };
    (string ($min:expr, $max:expr)) => {
        $crate::shape::Kind::String { min: Some($min), max: Some($max), pattern: None }
    };
    (string ($pattern:literal)) => {
        $crate::shape::Kind::String { min: None, max: None, pattern: scalar_kind!(@pattern $pattern) }
    };
    (string ($min:expr, none, $pattern:literal)) => {
        $crate::shape::Kind::String { min: Some($min), max: None, pattern: scalar_kind!(@pattern $pattern) }
    };
    (string ($min:expr, $max:expr, $pattern:literal)) => {
        $crate::shape::Kind::String { min: Some($min), max: Some($max), pattern: scalar_kind!(@pattern $pattern) }
    };
    (list ($member:expr)) => { $crate::shape::Kind::List { member: $member, min: None, max: None } };
    (list ($member:expr, $min:expr, $max:expr)) => {
        $crate::shape::Kind::List { member: $member, min: Some($min), max: Some($max) }
    };
    (map ($key:expr, $value:expr)) => { $crate::shape::Kind::Map { key: $key, value: $value } };
    (@pattern $pattern:literal) => {{
        static PATTERN: $crate::shape::Pattern = $crate::shape::Pattern::new($pattern);
        Some(&PATTERN)
    }};
}
