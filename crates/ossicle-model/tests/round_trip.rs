//! Any document that a shape allows survives the Rust types, both ways.

use ossicle_model::each_operation;
use ossicle_model::rest::*;
use ossicle_model::shape::{Kind, Shape, Shaped, TimestampFormat};
use ossicle_model::stream::{Checklist, Configuration, PeriodontalChart, TranscriptEvent};
use ossicle_model::validate::{self, Strictness};
use proptest::prelude::*;
use proptest::string::string_regex;
use serde_json::{Map, Value, json};

/// Documents of a shape; those that break a length beside a pattern are thrown away later.
fn documents(shape: &'static Shape) -> BoxedStrategy<Value> {
    match &shape.kind {
        Kind::Boolean => any::<bool>().prop_map(Value::from).boxed(),
        Kind::Integer { min, max } => (min.unwrap()..=max.unwrap()).prop_map(Value::from).boxed(),
        Kind::Long => any::<i64>().prop_map(Value::from).boxed(),
        Kind::Double => prop_oneof![
            (-8_000_000..8_000_000i32).prop_map(|eighths| json!(f64::from(eighths) / 8.0)),
            Just(json!("NaN")),
            Just(json!("Infinity"))
        ]
        .boxed(),
        Kind::Blob => Just(json!("AAAA")).boxed(),
        Kind::String { min, max, pattern } => text(*min, *max, pattern.map(|pattern| pattern.source())),
        Kind::Enumeration { values } => {
            proptest::sample::select(values.to_vec()).prop_map(Value::from).boxed()
        }
        Kind::Timestamp(TimestampFormat::EpochSeconds) => {
            // Milliseconds are kept; halves and eighths have an exact binary form.
            (-4_000_000_000i64..40_000_000_000).prop_map(|eighths| json!(eighths as f64 / 8.0)).boxed()
        }
        Kind::Timestamp(_) => {
            "20[0-9]{2}-0[1-9]-[012][1-8]T[01][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{2}[1-9])?Z"
                .prop_map(Value::from)
                .boxed()
        }
        Kind::List { member, min, max } => {
            let least = min.unwrap_or(0);
            let most = max.unwrap_or(usize::MAX).min(least + 2);
            proptest::collection::vec(documents(member), least..=most).prop_map(Value::from).boxed()
        }
        Kind::Map { key, value } => proptest::collection::vec((documents(key), documents(value)), 0..3)
            .prop_map(|entries| {
                let entries =
                    entries.into_iter().map(|(key, value)| (key.as_str().unwrap().to_owned(), value));
                Value::Object(entries.collect())
            })
            .boxed(),
        Kind::Structure { members } => {
            let members: Vec<_> = members
                .iter()
                .map(|member| {
                    let value = documents(member.shape);
                    let name = member.name;
                    let present = if member.required { Just(true).boxed() } else { any::<bool>().boxed() };
                    (present, value)
                        .prop_map(move |(present, value)| present.then_some((name.to_owned(), value)))
                })
                .collect();
            members.prop_map(|members| Value::Object(members.into_iter().flatten().collect())).boxed()
        }
        Kind::Union { members } => {
            let alternatives: Vec<_> = members
                .iter()
                .map(|member| {
                    let name = member.name;
                    documents(member.shape)
                        .prop_map(move |value| Value::Object(Map::from_iter([(name.to_owned(), value)])))
                })
                .map(Strategy::boxed)
                .collect();
            proptest::strategy::Union::new(alternatives).boxed()
        }
        other => panic!("no strategy for {other:?}"),
    }
}

fn text(min: Option<usize>, max: Option<usize>, pattern: Option<&str>) -> BoxedStrategy<Value> {
    let (min, max) = (min.unwrap_or(0), max.unwrap_or(usize::MAX));
    let fits = move |text: &String| (min..=max).contains(&text.chars().count());
    match pattern {
        // A few patterns leave a length to chance that the limits beside them fix.
        Some("(hai-|dom-)[a-z0-9]+") => "(hai-|dom-)[a-z0-9]{16,21}".prop_map(Value::from).boxed(),
        Some(pattern) if min == max => {
            let pattern = pattern.trim_start_matches(".*").trim_end_matches(".*");
            string_regex(pattern).unwrap().prop_filter("length", fits).prop_map(Value::from).boxed()
        }
        Some(pattern) => {
            string_regex(pattern).unwrap().prop_filter("length", fits).prop_map(Value::from).boxed()
        }
        None => {
            let range = min..max.min(min + 8) + 1;
            proptest::collection::vec(any::<char>(), range)
                .prop_map(|text| Value::from(text.into_iter().collect::<String>()))
                .boxed()
        }
    }
}

fn survives<T: Shaped + serde::Serialize + serde::de::DeserializeOwned>(document: &Value) {
    validate::value(document, T::SHAPE, Strictness::Written)
        .unwrap_or_else(|error| panic!("{}: {error}", T::SHAPE.name));
    validate::value(document, T::SHAPE, Strictness::Answer).unwrap();
    let text = document.to_string();
    let read: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", T::SHAPE.name));
    assert_eq!(canonical(&serde_json::to_value(&read).unwrap()), canonical(document), "{}", T::SHAPE.name);
}

/// 7.0 and 7 are the same number.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => match number.as_f64().unwrap() {
            whole if whole.fract() == 0.0 => Value::from(whole as i64),
            other => Value::from(other),
        },
        Value::Array(entries) => entries.iter().map(canonical).collect(),
        Value::Object(entries) => {
            entries.iter().map(|(name, value)| (name.clone(), canonical(value))).collect()
        }
        other => other.clone(),
    }
}

fn check<T: Shaped + serde::Serialize + serde::de::DeserializeOwned>() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(48)
    });
    runner
        .run(&documents(T::SHAPE), |document| {
            survives::<T>(&document);
            Ok(())
        })
        .unwrap();
}

macro_rules! check_output {
    (()) => {};
    ($output:ident) => {
        check::<$output>()
    };
}

macro_rules! check_all {
    ($($(#[$meta:meta])* $method:ident: $name:ident = $prefix:literal $verb:ident $path:literal => $status:literal,
        $input:ident -> $output:tt, [$($error:ident)*];)*) => {
        #[test]
        fn inputs_survive() {
            $(check::<$input>();)*
        }

        #[test]
        fn outputs_survive() {
            $(check_output!($output);)*
        }
    };
}

each_operation!(check_all);

#[test]
fn events_survive() {
    check::<Configuration>();
    check::<TranscriptEvent>();
    check::<Checklist>();
    check::<PeriodontalChart>();
}

proptest! {
    #[test]
    fn any_document_is_read_or_refused_without_a_panic(document in "\\PC{0,40}|(\\{|\\[|\"|:|,|domainId|null|1|\\}|\\]){0,24}") {
        let _ = GetDomainOutput::read(document.as_bytes());
        let _ = Configuration::from_json(document.as_bytes());
    }
}
