//! Checks of a JSON value against its shape.

use std::fmt::Write as _;

use serde_json::Value;

use crate::invalid::{Invalid, Rule};
use crate::limits::{ENCOUNTER_DATE_DAYS_AHEAD_MAX, JSON_DEPTH_MAX};
use crate::rest::Operation;
use crate::shape::{Kind, Member, Place, Shape, TimestampFormat};
use crate::times::{Date, IsoTime};

/// How many characters of an unknown member's name are kept in a path.
const UNKNOWN_NAME_CHARS_MAX: usize = 64;

/// How strictly a value is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strictness {
    /// What is sent: all limits hold, enumerations know their value; a member unknown to the shape is let through.
    Request,
    /// What a person wrote: as [`Strictness::Request`], and an unknown member is an error.
    Written,
    /// What the service answered: types and required members only.
    Answer,
}

/// Checks a value against a shape.
///
/// # Errors
/// [`Invalid`] with the path of the first member, in the value's order, that breaks a rule.
pub fn value(value: &Value, shape: &'static Shape, strictness: Strictness) -> Result<(), Invalid> {
    Walk { strictness, path: String::new(), depth: 0 }.check(value, shape)
}

/// Checks an input of a REST operation, given as an object of all its members, wherever they travel.
///
/// Besides the shapes' own limits: a member of the path must not be empty or a dot segment, which would lead
/// elsewhere; a date of birth must not lie in the future, an encounter's date not more than a day.
///
/// # Errors
/// [`Invalid`] with the path of the member and the rule that it breaks.
pub fn request(input: &Value, operation: &Operation, today: Date) -> Result<(), Invalid> {
    value(input, operation.input, Strictness::Request)?;
    for member in operation.input.members().iter().filter(|member| member.place == Place::Label) {
        if matches!(input.get(member.name).and_then(Value::as_str), Some("" | "." | "..")) {
            let why = "goes into the path, so it must not be empty, \".\" or \"..\"";
            return Err(Invalid::new(member.name, Rule::Forbidden(why)));
        }
    }
    for (context, name, days_ahead) in [
        ("patientContext", "dateOfBirth", 0),
        ("encounterContext", "encounterDate", ENCOUNTER_DATE_DAYS_AHEAD_MAX),
    ] {
        let text = input.get(context).and_then(|context| context.get(name)).and_then(Value::as_str);
        day(text, today.plus_days(days_ahead), || format!("{context}.{name}"))?;
    }
    Ok(())
}

/// Checks a string against a shape, naming it `path` in the error.
pub(crate) fn text(text: &str, shape: &'static Shape, path: &str) -> Result<(), Invalid> {
    Walk { strictness: Strictness::Request, path: path.to_owned(), depth: 0 }.string(text, shape)
}

struct Walk {
    strictness: Strictness,
    path: String,
    depth: usize,
}

impl Walk {
    fn fail<T>(&self, rule: Rule) -> Result<T, Invalid> {
        Err(Invalid::new(self.path.clone(), rule))
    }

    fn within(&mut self, step: Step<'_>, value: &Value, shape: &'static Shape) -> Result<(), Invalid> {
        let length = self.enter(step);
        self.depth += 1;
        let checked =
            if self.depth > JSON_DEPTH_MAX { self.fail(Rule::TooDeep) } else { self.check(value, shape) };
        self.depth -= 1;
        self.path.truncate(length);
        checked
    }

    /// Adds a step to the path; gives the length to cut it back to.
    fn enter(&mut self, step: Step<'_>) -> usize {
        let length = self.path.len();
        match step {
            Step::Member(name) => {
                if length > 0 {
                    self.path.push('.');
                }
                self.path.extend(name.chars().take(UNKNOWN_NAME_CHARS_MAX));
            }
            // Writing into a String does not fail.
            Step::Entry(index) => _ = write!(self.path, "[{index}]"),
        }
        length
    }

    fn at<T>(&mut self, step: Step<'_>, rule: Rule) -> Result<T, Invalid> {
        self.enter(step);
        self.fail(rule)
    }

    fn lenient(&self) -> bool {
        self.strictness == Strictness::Answer
    }

    fn check(&mut self, value: &Value, shape: &'static Shape) -> Result<(), Invalid> {
        match (&shape.kind, value) {
            (Kind::Boolean, Value::Bool(_)) | (Kind::Double, Value::Number(_)) => Ok(()),
            (Kind::Boolean, _) => self.wrong("true or false"),
            (Kind::Double, Value::String(text))
                if matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity") =>
            {
                Ok(())
            }
            (Kind::Double, _) => self.wrong("a number"),
            (Kind::Integer { min, max }, Value::Number(number)) => match number.as_i64() {
                Some(number) => self.range(number, *min, *max),
                None => self.wrong("a whole number"),
            },
            (Kind::Integer { .. }, _) => self.wrong("a whole number"),
            (Kind::Long, Value::Number(number)) if number.is_i64() => Ok(()),
            (Kind::Long, _) => self.wrong("a whole number of 64 bits"),
            (Kind::Blob | Kind::String { .. } | Kind::Enumeration { .. }, Value::String(text)) => {
                self.string(text, shape)
            }
            (Kind::Blob | Kind::String { .. } | Kind::Enumeration { .. }, _) => self.wrong("a string"),
            (Kind::Timestamp(format), _) => self.timestamp(value, *format),
            (Kind::List { member, min, max }, Value::Array(entries)) => {
                self.length(entries.len(), *min, *max, "entries")?;
                let mut entries = entries.iter().enumerate();
                entries.try_for_each(|(index, entry)| self.within(Step::Entry(index), entry, member))
            }
            (Kind::List { .. }, _) => self.wrong("a list"),
            (Kind::Map { key, value: shape }, Value::Object(entries)) => {
                entries.iter().try_for_each(|(name, entry)| {
                    let length = self.enter(Step::Member(name));
                    self.string(name, key)?;
                    self.path.truncate(length);
                    self.within(Step::Member(name), entry, shape)
                })
            }
            (Kind::Structure { members }, Value::Object(object)) => self.structure(object, members),
            (Kind::Union { members }, Value::Object(object)) => self.union(object, members),
            (Kind::Map { .. } | Kind::Structure { .. } | Kind::Union { .. }, _) => self.wrong("an object"),
        }
    }

    fn wrong(&self, expected: &'static str) -> Result<(), Invalid> {
        self.fail(Rule::WrongType { expected })
    }

    fn structure(&mut self, object: &Object, members: &'static [Member]) -> Result<(), Invalid> {
        self.known(object, members)?;
        for member in members {
            match object.get(member.name) {
                None | Some(Value::Null) if member.required => {
                    return self.at(Step::Member(member.name), Rule::Missing);
                }
                None | Some(Value::Null) => {}
                Some(value) => self.within(Step::Member(member.name), value, member.shape)?,
            }
        }
        Ok(())
    }

    fn union(&mut self, object: &Object, members: &'static [Member]) -> Result<(), Invalid> {
        self.known(object, members)?;
        let mut present = object.iter().filter(|(_, value)| !value.is_null());
        let (Some((name, value)), None) = (present.next(), present.next()) else {
            return self.fail(Rule::ExactlyOne);
        };
        match members.iter().find(|member| member.name == name) {
            Some(member) => self.within(Step::Member(name), value, member.shape),
            None if self.lenient() => Ok(()),
            None => self.at(Step::Member(name), Rule::UnknownMember),
        }
    }

    fn known(&mut self, object: &Object, members: &'static [Member]) -> Result<(), Invalid> {
        if self.strictness != Strictness::Written {
            return Ok(());
        }
        match object.keys().find(|name| members.iter().all(|member| member.name != name.as_str())) {
            Some(name) => self.at(Step::Member(name), Rule::UnknownMember),
            None => Ok(()),
        }
    }

    fn string(&self, text: &str, shape: &'static Shape) -> Result<(), Invalid> {
        if self.lenient() {
            return Ok(());
        }
        match shape.kind {
            Kind::String { min, max, pattern } => {
                if min.is_some() || max.is_some() {
                    self.length(text.chars().count(), min, max, "characters")?;
                }
                match pattern {
                    Some(pattern) if !pattern.matches(text) => self.fail(Rule::Pattern(pattern.source())),
                    _ => Ok(()),
                }
            }
            Kind::Enumeration { values } if !values.contains(&text) => self.fail(Rule::OneOf(values)),
            _ => Ok(()),
        }
    }

    fn timestamp(&self, value: &Value, format: TimestampFormat) -> Result<(), Invalid> {
        match (format, value) {
            (TimestampFormat::EpochSeconds, Value::Number(_)) => Ok(()),
            (TimestampFormat::EpochSeconds, _) => self.wrong("a number of seconds since 1970"),
            (TimestampFormat::Iso8601, _) => match serde_json::from_value::<IsoTime>(value.clone()) {
                Ok(_) => Ok(()),
                Err(_) => self.wrong("a time such as 2026-01-15T10:20:30Z"),
            },
        }
    }

    fn range(&self, number: i64, min: Option<i64>, max: Option<i64>) -> Result<(), Invalid> {
        let (min, max) = (min.unwrap_or(i32::MIN.into()), max.unwrap_or(i32::MAX.into()));
        if self.lenient() || (min..=max).contains(&number) {
            Ok(())
        } else {
            self.fail(Rule::Range { min, max })
        }
    }

    fn length(
        &self,
        actual: usize,
        min: Option<usize>,
        max: Option<usize>,
        unit: &'static str,
    ) -> Result<(), Invalid> {
        let min = min.unwrap_or(0);
        if self.lenient() || (actual >= min && max.is_none_or(|max| actual <= max)) {
            return Ok(());
        }
        self.fail(Rule::Length { min, max, unit, actual })
    }
}

type Object = serde_json::Map<String, Value>;

enum Step<'a> {
    Member(&'a str),
    Entry(usize),
}

/// Checks that a day exists in the calendar and is not after the latest one allowed.
pub(crate) fn day(text: Option<&str>, latest: Date, path: impl Fn() -> String) -> Result<(), Invalid> {
    let Some(text) = text else { return Ok(()) };
    let day: Date = text.parse().map_err(|_| {
        Invalid::new(path(), Rule::WrongType { expected: "a day of the calendar, YYYY-MM-DD" })
    })?;
    if day > latest {
        return Err(Invalid::new(path(), Rule::Forbidden("lies too far in the future")));
    }
    Ok(())
}
