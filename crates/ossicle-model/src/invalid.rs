//! What a value breaks: where, and which rule. Never the value itself.

use std::fmt;

/// A value breaks a rule of the service. Holds the member's path and the rule, never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {rule}")]
#[non_exhaustive]
pub struct Invalid {
    /// The member, such as `postStreamActionSettings.outputS3Uri` or `channelDefinitions[1].channelId`.
    pub path: String,
    /// The rule that it breaks.
    pub rule: Rule,
}

impl Invalid {
    /// A rule broken at a path.
    pub fn new(path: impl Into<String>, rule: Rule) -> Self {
        let path: String = path.into();
        Self { path: if path.is_empty() { "document".into() } else { path }, rule }
    }

    /// The rule in words, such as "must be 20 to 25 characters long, and is 3".
    pub fn why(&self) -> String {
        self.rule.to_string()
    }
}

/// A rule of the service that a value breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// The bytes are not a JSON document.
    NotJson {
        /// The line of the error, from 1.
        line: usize,
        /// The column of the error, from 1.
        column: usize,
    },
    /// A required member is absent.
    Missing,
    /// The service has no member of this name here.
    UnknownMember,
    /// The JSON value is of another type.
    WrongType {
        /// The type wanted.
        expected: &'static str,
    },
    /// A string, list or text is too short or too long.
    Length {
        /// The least length.
        min: usize,
        /// The greatest length, if there is one.
        max: Option<usize>,
        /// What is counted: "characters", "bytes" or "entries".
        unit: &'static str,
        /// The length of the value given.
        actual: usize,
    },
    /// A number is out of its range.
    Range {
        /// The least value.
        min: i64,
        /// The greatest value.
        max: i64,
    },
    /// A string does not match the pattern.
    Pattern(&'static str),
    /// A value is not one of those known.
    OneOf(&'static [&'static str]),
    /// A text holds a character that the service refuses.
    Character {
        /// The position of the character, in characters from 0.
        position: usize,
        /// The character's code point.
        code_point: u32,
    },
    /// A union has not exactly one member.
    ExactlyOne,
    /// The value nests deeper than any document of this service.
    TooDeep,
    /// A rule between members, in words.
    Forbidden(&'static str),
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson { line, column } => write!(f, "is not JSON (line {line}, column {column})"),
            Self::Missing => f.write_str("is required"),
            Self::UnknownMember => f.write_str("is not a member the service knows"),
            Self::WrongType { expected } => write!(f, "must be {expected}"),
            Self::Length { min, max: Some(max), unit, actual } if min == max => {
                write!(f, "must be {min} {unit} long, and is {actual}")
            }
            Self::Length { min, max: Some(max), unit, actual } => {
                write!(f, "must be {min} to {max} {unit} long, and is {actual}")
            }
            Self::Length { min, max: None, unit, actual } => {
                write!(f, "must be at least {min} {unit} long, and is {actual}")
            }
            Self::Range { min, max } => write!(f, "must be from {min} to {max}"),
            Self::Pattern(pattern) => write!(f, "must match {pattern}"),
            Self::OneOf(values) => write!(f, "must be one of {}", values.join(", ")),
            Self::Character { position, code_point } => {
                write!(
                    f,
                    "holds U+{code_point:04X} at character {position}, which the service refuses; replace it"
                )
            }
            Self::ExactlyOne => f.write_str("must have exactly one member"),
            Self::TooDeep => f.write_str("nests too deep"),
            Self::Forbidden(why) => f.write_str(why),
        }
    }
}
