//! Shapes as data: what each member is called, whether it must be there, and the limits on its value.
//!
//! Every structure, union and enumeration of this crate is declared once, by the macros of `declare`. A
//! declaration makes the Rust type, its JSON form and a static [`Shape`]; checks before sending, redaction and the
//! test against the service's published model all read that same [`Shape`].

use std::sync::OnceLock;

use regex::Regex;

/// One shape of the service's model.
#[derive(Debug)]
pub struct Shape {
    /// The shape's name in the service's model.
    pub name: &'static str,
    /// Whether values may hold health information or a secret, so that they are never formatted.
    pub sensitive: bool,
    /// What kind of value it is, with its limits.
    pub kind: Kind,
}

/// The kind of a [`Shape`] with the limits on its value.
#[derive(Debug)]
#[non_exhaustive]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A 32-bit integer in an inclusive range.
    Integer {
        /// The least value allowed.
        min: Option<i64>,
        /// The greatest value allowed.
        max: Option<i64>,
    },
    /// A 64-bit integer.
    Long,
    /// A floating-point number; `"NaN"`, `"Infinity"` and `"-Infinity"` are its string forms.
    Double,
    /// Bytes, base64 in JSON.
    Blob,
    /// A string; the length counts Unicode scalar values.
    String {
        /// The least length.
        min: Option<usize>,
        /// The greatest length.
        max: Option<usize>,
        /// The pattern that the whole string must match.
        pattern: Option<&'static Pattern>,
    },
    /// One of a list of strings that may grow.
    Enumeration {
        /// The values known today, in the model's order.
        values: &'static [&'static str],
    },
    /// A point in time.
    Timestamp(TimestampFormat),
    /// A list with a bounded count of entries.
    List {
        /// The shape of each entry.
        member: &'static Shape,
        /// The least count.
        min: Option<usize>,
        /// The greatest count.
        max: Option<usize>,
    },
    /// A map from strings.
    Map {
        /// The shape of each key.
        key: &'static Shape,
        /// The shape of each value.
        value: &'static Shape,
    },
    /// An object with named members.
    Structure {
        /// The members in the model's order.
        members: &'static [Member],
    },
    /// An object with exactly one of its members.
    Union {
        /// The alternatives in the model's order.
        members: &'static [Member],
    },
}

/// How a timestamp is written in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimestampFormat {
    /// A number of seconds since 1970, with a fraction.
    EpochSeconds,
    /// A string such as `2026-01-15T10:20:30Z`.
    Iso8601,
}

/// One member of a structure or a union.
#[derive(Debug)]
pub struct Member {
    /// The member's name in JSON.
    pub name: &'static str,
    /// The shape of its value.
    pub shape: &'static Shape,
    /// Whether the member must be present.
    pub required: bool,
    /// Where in a request or a response the member travels.
    pub place: Place,
}

/// Where a member travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// In the JSON body.
    Body,
    /// In the JSON body; a random version 4 UUID when the caller gave none.
    Token,
    /// In the path, percent-encoded, at the place of `{name}`.
    Label,
    /// In the query, under the member's name, repeated for a list.
    Query,
    /// In the header of this name.
    Header(&'static str),
    /// The stream of events that is the body.
    Events,
}

/// A pattern of the model, which the whole of a string must match.
pub struct Pattern {
    source: &'static str,
    compiled: OnceLock<Regex>,
}

impl Pattern {
    /// A pattern in the model's words, without anchors.
    pub const fn new(source: &'static str) -> Self {
        Self { source, compiled: OnceLock::new() }
    }

    /// The pattern as the model has it.
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// Whether the whole of `text` matches, in time linear in its length.
    pub fn matches(&self, text: &str) -> bool {
        let regex = self.compiled.get_or_init(|| {
            // The sources are constants of this crate; a test compiles every one of them.
            Regex::new(&format!("^(?:{})$", self.source))
                .expect("a pattern of the model is a regular expression")
        });
        regex.is_match(text)
    }
}

impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pattern({:?})", self.source)
    }
}

/// A Rust type that stands for a shape of the service's model.
pub trait Shaped {
    /// The shape.
    const SHAPE: &'static Shape;
}

impl Shape {
    /// The members of a structure or union; empty for anything else.
    pub fn members(&self) -> &'static [Member] {
        match self.kind {
            Kind::Structure { members } | Kind::Union { members } => members,
            _ => &[],
        }
    }

    /// The member of this name.
    pub fn member(&self, name: &str) -> Option<&'static Member> {
        self.members().iter().find(|member| member.name == name)
    }
}
