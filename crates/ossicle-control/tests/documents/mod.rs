//! Documents of a shape, with many at its limits. All pass validation.

use ossicle_model::shape::{Kind, Shape};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::string::string_regex;
use serde_json::{Value, json};

/// The longest text that is made where the shape has no limit, and the longest that is made often.
const CHARS_MAX: usize = 4_096;
const CHARS_OFTEN: usize = 12;
/// The most entries of a list or map that is made.
const ENTRIES_MAX: usize = 4;

/// Any document of a shape.
pub(crate) fn documents(shape: &'static Shape) -> BoxedStrategy<Value> {
    match &shape.kind {
        Kind::Boolean => any::<bool>().prop_map(Value::from).boxed(),
        Kind::Integer { min, max } => {
            let (min, max) = (min.unwrap(), max.unwrap());
            prop_oneof![Just(min), Just(max), min..=max].prop_map(Value::from).boxed()
        }
        Kind::String { min, max, pattern } => {
            text(min.unwrap_or(0), max.unwrap_or(CHARS_MAX), pattern.map(|pattern| pattern.source()))
                .prop_map(Value::from)
                .boxed()
        }
        Kind::Enumeration { values } => proptest::sample::select(*values).prop_map(Value::from).boxed(),
        Kind::List { member, min, max } => {
            let most = max.map_or(ENTRIES_MAX, |max| max.min(ENTRIES_MAX));
            vec(documents(member), min.unwrap_or(0)..=most).prop_map(Value::from).boxed()
        }
        Kind::Map { key, value } => vec((documents(key), documents(value)), 0..=ENTRIES_MAX)
            .prop_map(|entries| {
                let named = |(key, value): (Value, Value)| (key.as_str().unwrap().to_owned(), value);
                Value::Object(entries.into_iter().map(named).collect())
            })
            .boxed(),
        Kind::Structure { members } => {
            let member = |member: &'static ossicle_model::shape::Member| {
                let present = if member.required { Just(true).boxed() } else { any::<bool>().boxed() };
                (present, documents(member.shape))
                    .prop_map(|(present, value)| present.then(|| (member.name.to_owned(), value)))
            };
            let members: Vec<_> = members.iter().map(member).collect();
            members.prop_map(|members| Value::Object(members.into_iter().flatten().collect())).boxed()
        }
        Kind::Union { members } => {
            let alternative = |member: &'static ossicle_model::shape::Member| {
                documents(member.shape).prop_map(|value| json!({ member.name: value })).boxed()
            };
            proptest::strategy::Union::new(members.iter().map(alternative)).boxed()
        }
        other => panic!("no input has {other:?}"),
    }
}

/// A text of a length between the two limits that matches the pattern.
fn text(min: usize, max: usize, pattern: Option<&'static str>) -> BoxedStrategy<String> {
    let fits = move |text: &String| (min..=max).contains(&text.chars().count());
    // Where a pattern says how long a text may be only loosely, the limits beside it are put into it.
    let exact = match pattern {
        None => return any_text(min, max),
        Some("(hai-|dom-)[a-z0-9]+") => "(hai-|dom-)[a-z0-9]{16,21}",
        // Not blank, and otherwise anything.
        Some(r".*[\s\S]*\S[\s\S]*.*") => {
            return any_text(1, CHARS_MAX).prop_filter("blank", |text| !text.trim().is_empty()).boxed();
        }
        Some(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])") => {
            "(19[0-9]{2}|20[01][0-9])-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
        }
        Some(r"s3://[a-z0-9][\.\-a-z0-9]{1,61}[a-z0-9](/.*)?") => {
            r"s3://[a-z0-9][\.\-a-z0-9]{1,61}[a-z0-9](/.{0,40}|/[é/%+?&= ]{0,900})?"
        }
        // At the one length that it may have, there is nothing around it.
        Some(".*[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12}.*") => {
            "[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12}"
        }
        Some("[a-zA-Z0-9 .,-]+") => "[a-zA-Z0-9 .,-]{1,256}",
        Some(r"[\x20-\x21\x23\x24\x2A-\x3A\x3F-\x7E]*") => r"[\x20-\x21\x23\x24\x2A-\x3A\x3F-\x7E]{1,1028}",
        Some(pattern) => pattern,
    };
    string_regex(exact).unwrap().prop_filter("the length", fits).boxed()
}

/// Any characters, control characters and those beyond the basic plane too.
fn any_text(min: usize, max: usize) -> BoxedStrategy<String> {
    let often = max.min(min + CHARS_OFTEN);
    let long = (any::<char>(), max.saturating_sub(1)..=max)
        .prop_map(move |(character, length)| character.to_string().repeat(length.max(min)));
    prop_oneof![
        8 => vec(any::<char>(), min..=often).prop_map(String::from_iter),
        1 => long,
    ]
    .boxed()
}
