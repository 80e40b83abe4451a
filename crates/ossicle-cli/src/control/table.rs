//! Answers of the service for people: a list as a table, a single thing as names and values.

use console::{Style, measure_text_width};
use ossicle::model::Timestamp;
use serde_json::{Map, Value};

use crate::show::words;

/// Members that hold health information or are long: for those who ask for JSON.
const LEFT_OUT: &[&str] = &["text", "patientContext", "encounterContext"];

/// A table with these columns of each row: its head, and the member that it shows.
pub(crate) fn list(columns: &[(&str, &str)], rows: &[Value]) -> String {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| columns.iter().map(|(_, member)| cell(member, &row[*member])).collect())
        .collect();
    let width = |at: usize| {
        let longest = cells.iter().map(|row| measure_text_width(&row[at])).max().unwrap_or(0);
        longest.max(measure_text_width(columns[at].0))
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |row: Vec<String>| {
        let padded = row.iter().zip(&widths).map(|(text, width)| pad(text, *width));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let dim = Style::new().for_stdout().dim();
    let head = line(columns.iter().map(|(name, _)| (*name).to_owned()).collect());
    std::iter::once(dim.apply_to(head).to_string())
        .chain(cells.into_iter().map(line))
        .collect::<Vec<_>>()
        .join("\n")
}

/// One thing, a line for each member.
pub(crate) fn one(thing: &Value) -> String {
    let mut members = Vec::new();
    if let Value::Object(object) = thing {
        flatten("", object, &mut members);
    }
    let width = members.iter().map(|(name, _)| measure_text_width(name)).max().unwrap_or(0);
    let dim = Style::new().for_stdout().dim();
    let line = |(name, value): (String, String)| format!("{}  {value}", dim.apply_to(pad(&name, width)));
    members.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

fn flatten(before: &str, object: &Map<String, Value>, into: &mut Vec<(String, String)>) {
    for (name, value) in object {
        if LEFT_OUT.contains(&name.as_str()) {
            continue;
        }
        let words = format!("{before}{}", spaced(name));
        match value {
            Value::Null => {}
            Value::Object(inner) => flatten(&format!("{words} · "), inner, into),
            Value::Array(entries) => into.push((words, words_of_list(entries))),
            other => into.push((words, cell(name, other))),
        }
    }
}

fn words_of_list(entries: &[Value]) -> String {
    let text = |entry: &Value| match entry {
        Value::Object(object) => {
            let parts = object.iter().map(|(name, value)| format!("{} {}", spaced(name), cell(name, value)));
            parts.collect::<Vec<_>>().join(", ")
        }
        other => cell("", other),
    };
    entries.iter().map(text).collect::<Vec<_>>().join("; ")
}

/// A value in words. Numbers under names of times are seconds since 1970.
fn cell(name: &str, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => words::harmless(text),
        Value::Number(number) if name.ends_with("At") || name.ends_with("Time") => {
            let unix_ms = number.as_f64().unwrap_or_default() * 1e3;
            Timestamp::from_unix_ms(unix_ms as i64).to_string()
        }
        other => words::harmless(&other.to_string()),
    }
}

/// `kmsKeyArn` as `kms key arn`.
fn spaced(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(character.to_ascii_lowercase());
    }
    words
}

fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(measure_text_width(text));
    format!("{text}{:missing$}", "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_and_things_read_well() {
        let rows = [json!({"id": "a", "createdAt": 0}), json!({"id": "longer", "createdAt": 1.5})];
        let table =
            console::strip_ansi_codes(&list(&[("ID", "id"), ("MADE", "createdAt")], &rows)).into_owned();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], "ID      MADE");
        assert!(lines[1].starts_with("a       1970-01-01T00:00:00"), "{}", lines[1]);
        let thing = json!({"jobId": "j", "text": "canary", "output": {"uri": "s3://b/k"}, "none": null});
        let text = console::strip_ansi_codes(&one(&thing)).into_owned();
        assert!(text.contains("job id") && text.contains("output · uri") && text.contains("s3://b/k"));
        assert!(!text.contains("canary") && !text.contains("none"));
    }
}
