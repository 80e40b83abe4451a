//! Identifiers and the parameters of a session, parsed once.

use std::fmt;
use std::str::FromStr;

use crate::invalid::{Invalid, Rule};
use crate::limits::{SAMPLE_RATE_HZ_MAX, SAMPLE_RATE_HZ_MIN};
use crate::scalars;
use crate::shape::{Shape, Shaped};
use crate::validate;

macro_rules! id {
    ($(#[$meta:meta])* $name:ident, $path:literal, $shape:expr) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Parses an id.
            ///
            /// # Errors
            /// [`Invalid`] with the rule that the text breaks.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                validate::text(text, $shape, $path)?;
                Ok(Self(text.to_owned()))
            }

            /// The id as the service writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

id! {
    /// The id of a domain: `hai-` or `dom-` and lower-case letters and digits, 20 to 25 characters.
    DomainId, "domainId", &scalars::DOMAIN_ID
}
id! {
    /// The id of a subscription: `sub-` and 21 letters and digits.
    SubscriptionId, "subscriptionId", &scalars::SUBSCRIPTION_ID
}

/// The id of a listening session: a UUID of 36 characters that the caller makes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionUuid {
    text: [u8; 36],
}

impl SessionUuid {
    /// Parses a UUID of 36 characters; the case of its letters is kept.
    ///
    /// # Errors
    /// [`Invalid`] when the text is not a UUID.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        validate::text(text, &scalars::SESSION_ID, "sessionId")?;
        let text = text.as_bytes().try_into().map_err(|_| {
            Invalid::new(
                "sessionId",
                Rule::Length { min: 36, max: Some(36), unit: "characters", actual: text.len() },
            )
        })?;
        Ok(Self { text })
    }

    /// The version 4 UUID of sixteen random bytes.
    pub fn from_random_bytes(mut random: [u8; 16]) -> Self {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        // RFC 9562 section 5.4: the version in the seventh byte, the variant in the ninth.
        random[6] = random[6] & 0x0f | 0x40;
        random[8] = random[8] & 0x3f | 0x80;
        let mut text = [b'-'; 36];
        let mut at = 0;
        for (index, byte) in random.into_iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = HEX[usize::from(byte >> 4)];
            text[at + 1] = HEX[usize::from(byte & 0x0f)];
            at += 2;
        }
        Self { text }
    }

    /// The UUID's 36 characters.
    pub fn as_str(&self) -> &str {
        // Both constructors put ASCII in.
        std::str::from_utf8(&self.text).unwrap_or_default()
    }
}

impl FromStr for SessionUuid {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl fmt::Display for SessionUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SessionUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionUuid({})", self.as_str())
    }
}

impl From<SessionUuid> for String {
    fn from(id: SessionUuid) -> Self {
        id.as_str().to_owned()
    }
}

impl AsRef<str> for SessionUuid {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

macro_rules! choice {
    ($(#[$meta:meta])* $name:ident = $model:literal, $path:literal { $($(#[$variant_meta:meta])* $variant:ident = $value:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)*
        }

        impl $name {
            const VALUES: &'static [&'static str] = &[$($value,)*];

            /// The value as the service writes it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $value,)*
                }
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                match text {
                    $($value => Ok($name::$variant),)*
                    _ => Err(Invalid::new($path, Rule::OneOf(Self::VALUES))),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Shaped for $name {
            const SHAPE: &'static Shape = {
                static SHAPE: Shape = Shape {
                    name: $model,
                    sensitive: false,
                    kind: crate::shape::Kind::Enumeration { values: $name::VALUES },
                };
                &SHAPE
            };
        }
    };
}

choice! {
    /// The language of a session.
    LanguageCode = "MedicalScribeLanguageCode", "languageCode" {
        /// English of the United States.
        EnUs = "en-US",
        /// More than one language.
        Multi = "multi",
    }
}

choice! {
    /// How a session's audio is encoded.
    MediaEncoding = "MedicalScribeMediaEncoding", "mediaEncoding" {
        /// Signed 16-bit little-endian samples, channels interleaved.
        Pcm = "pcm",
        /// FLAC.
        Flac = "flac",
    }
}

/// The sample rate of a session's audio: 8,000 to 48,000 Hz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaSampleRate(u32);

impl MediaSampleRate {
    /// A rate in Hz.
    ///
    /// # Errors
    /// [`Invalid`] when the rate is outside of 8,000 to 48,000 Hz.
    pub fn new(rate_hz: u32) -> Result<Self, Invalid> {
        if !(SAMPLE_RATE_HZ_MIN..=SAMPLE_RATE_HZ_MAX).contains(&rate_hz) {
            return Err(out_of_range());
        }
        Ok(Self(rate_hz))
    }

    /// The rate in Hz.
    pub const fn hz(self) -> u32 {
        self.0
    }
}

impl FromStr for MediaSampleRate {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Invalid::new(
                "mediaSampleRateHertz",
                Rule::WrongType { expected: "a decimal number of Hz" },
            ));
        }
        Self::new(text.parse().map_err(|_| out_of_range())?)
    }
}

impl fmt::Display for MediaSampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

fn out_of_range() -> Invalid {
    let rule = Rule::Range { min: SAMPLE_RATE_HZ_MIN.into(), max: SAMPLE_RATE_HZ_MAX.into() };
    Invalid::new("mediaSampleRateHertz", rule)
}
