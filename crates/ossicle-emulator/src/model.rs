//! The service's published model: operations, shapes and their limits, read from the JSON copy in this crate.
//!
//! Inputs are checked against this table, and on purpose not with the code of our own client.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

static MODEL: LazyLock<Model> = LazyLock::new(|| {
    Model::parse(include_str!("../data/service-model.json")).expect("the model in this crate is well formed")
});

/// The model of this crate.
pub(crate) fn model() -> &'static Model {
    &MODEL
}

/// Operations and shapes by name.
#[derive(Deserialize)]
pub(crate) struct Model {
    pub(crate) operations: HashMap<String, Operation>,
    shapes: HashMap<String, Shape>,
    #[serde(skip)]
    patterns: HashMap<String, Regex>,
}

/// One operation.
#[derive(Deserialize)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) http: Http,
    pub(crate) input: ShapeRef,
    #[cfg(test)]
    #[serde(default)]
    pub(crate) errors: Vec<ShapeRef>,
}

/// Where an operation lives.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Http {
    pub(crate) method: String,
    pub(crate) request_uri: String,
    pub(crate) response_code: u16,
}

/// A member or element: its shape, and where in a request it stands.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShapeRef {
    pub(crate) shape: String,
    #[serde(default)]
    pub(crate) location: Option<String>,
    #[serde(default)]
    pub(crate) location_name: Option<String>,
}

/// One shape with its limits.
#[derive(Deserialize)]
pub(crate) struct Shape {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    required: Vec<String>,
    #[serde(default)]
    pub(crate) members: HashMap<String, ShapeRef>,
    member: Option<ShapeRef>,
    key: Option<ShapeRef>,
    value: Option<ShapeRef>,
    #[serde(default)]
    union: bool,
    #[serde(rename = "enum")]
    allowed: Option<Vec<String>>,
    pattern: Option<String>,
    min: Option<i64>,
    max: Option<i64>,
    error: Option<ErrorTrait>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorTrait {
    http_status_code: u16,
}

/// A rule that an input breaks: the member's path and the rule, never the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) path: String,
    pub(crate) rule: String,
}

impl Model {
    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let mut model: Self = serde_json::from_str(text)?;
        for shape in model.shapes.values() {
            if let Some(pattern) = &shape.pattern {
                // Patterns describe whole values.
                model.patterns.insert(pattern.clone(), Regex::new(&format!("^(?:{pattern})$"))?);
            }
        }
        Ok(model)
    }

    /// A shape that the model is known to have.
    pub(crate) fn shape(&self, name: &str) -> Option<&Shape> {
        self.shapes.get(name)
    }

    /// The HTTP status of an exception.
    pub(crate) fn error_status(&self, code: &str) -> Option<u16> {
        self.shapes.get(code)?.error.as_ref().map(|error| error.http_status_code)
    }

    /// Checks a value against a shape and everything below it.
    pub(crate) fn check(&self, shape: &str, value: &Value) -> Vec<Violation> {
        let mut found = Vec::new();
        self.walk(shape, "", value, &mut found);
        found
    }

    fn walk(&self, name: &str, path: &str, value: &Value, found: &mut Vec<Violation>) {
        let Some(shape) = self.shapes.get(name) else { return };
        let mut broken = |rule: String| found.push(Violation { path: path.to_owned(), rule });
        match (shape.kind.as_str(), value) {
            ("structure", Value::Object(members)) => self.walk_members(shape, path, members, found),
            ("list", Value::Array(items)) => {
                shape.check_size(items.len() as i64, "length", &mut broken);
                let Some(member) = &shape.member else { return };
                for (at, item) in items.iter().enumerate() {
                    self.walk(&member.shape, &format!("{path}[{at}]"), item, found);
                }
            }
            ("map", Value::Object(entries)) => {
                shape.check_size(entries.len() as i64, "size", &mut broken);
                for (key, value) in entries {
                    if let (Some(key_shape), Some(value_shape)) = (&shape.key, &shape.value) {
                        self.walk(&key_shape.shape, &join(path, "key"), &Value::String(key.clone()), found);
                        self.walk(&value_shape.shape, &join(path, "value"), value, found);
                    }
                }
            }
            ("string", Value::String(text)) => self.check_text(shape, text, &mut broken),
            ("integer" | "long", Value::Number(number)) => match number.as_i64() {
                Some(number) => shape.check_size(number, "value", &mut broken),
                None => broken("Member must be an integer".into()),
            },
            ("double" | "float", Value::Number(_)) | ("boolean", Value::Bool(_)) => {}
            (kind, _) => broken(format!("Member must be a {kind}")),
        }
    }

    fn walk_members(
        &self,
        shape: &Shape,
        path: &str,
        members: &serde_json::Map<String, Value>,
        found: &mut Vec<Violation>,
    ) {
        let present = |name: &str| members.get(name).is_some_and(|value| !value.is_null());
        for name in &shape.required {
            if !present(name) {
                let rule = "Member must not be null".to_owned();
                found.push(Violation { path: join(path, name), rule });
            }
        }
        if shape.union {
            let set = shape.members.keys().filter(|name| present(name)).count();
            if set != 1 {
                let rule = format!("Member must have exactly one of its choices set, it has {set}");
                found.push(Violation { path: path.to_owned(), rule });
            }
        }
        let mut names: Vec<&String> = shape.members.keys().collect();
        names.sort();
        for name in names {
            if let Some(value) = members.get(name).filter(|value| !value.is_null()) {
                self.walk(&shape.members[name].shape, &join(path, name), value, found);
            }
        }
    }

    fn check_text(&self, shape: &Shape, text: &str, broken: &mut impl FnMut(String)) {
        shape.check_size(text.chars().count() as i64, "length", broken);
        if let Some(allowed) = &shape.allowed
            && !allowed.iter().any(|value| value == text)
        {
            broken(format!("Member must satisfy enum value set: [{}]", allowed.join(", ")));
        }
        if let Some(pattern) = &shape.pattern
            && self.patterns.get(pattern).is_some_and(|regex| !regex.is_match(text))
        {
            broken(format!("Member must satisfy regular expression pattern: {pattern}"));
        }
    }
}

impl Shape {
    fn check_size(&self, size: i64, what: &str, broken: &mut impl FnMut(String)) {
        let than = if what == "value" { "Member must have value" } else { "Member must have length" };
        if let Some(min) = self.min.filter(|min| size < *min) {
            broken(format!("{than} greater than or equal to {min}"));
        }
        if let Some(max) = self.max.filter(|max| size > *max) {
            broken(format!("{than} less than or equal to {max}"));
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The service's sentence for broken rules, in the manner of its siblings.
pub(crate) fn describe(violations: &[Violation]) -> String {
    let each: Vec<String> = violations
        .iter()
        .map(|violation| {
            format!("Value at '{}' failed to satisfy constraint: {}", violation.path, violation.rule)
        })
        .collect();
    let noun = if each.len() == 1 { "error" } else { "errors" };
    format!("{} validation {noun} detected: {}", each.len(), each.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn paths(shape: &str, value: Value) -> Vec<String> {
        model().check(shape, &value).into_iter().map(|violation| violation.path).collect()
    }

    #[test]
    fn the_model_is_whole() {
        assert_eq!(model().operations.len(), 23);
        for operation in model().operations.values() {
            assert!(model().shape(&operation.input.shape).is_some(), "{}", operation.name);
            for error in &operation.errors {
                assert!(model().error_status(&error.shape).is_some());
            }
        }
        assert_eq!(model().error_status("AccessDeniedException"), Some(401));
        assert_eq!(model().error_status("ServiceQuotaExceededException"), Some(402));
    }

    #[test]
    fn limits_patterns_enums_and_unions_are_kept() {
        assert_eq!(paths("DomainId", json!("hai-abcdefghijklmnopq")), Vec::<String>::new());
        assert_eq!(paths("DomainId", json!("xhai-abcdefghijklmnopq")), [""]);
        assert_eq!(paths("CreateDomainInput", json!({"name": ""})), ["name"]);
        assert_eq!(paths("CreateDomainInput", json!({"name": null})), ["name"]);
        assert_eq!(paths("NoteTemplateSettings", json!({})), [""]);
        let template = json!({"managedTemplate": {"templateType": "NO_SUCH"}});
        assert_eq!(paths("NoteTemplateSettings", template), ["managedTemplate.templateType"]);
        assert_eq!(paths("MedicalScribeMediaSampleRateHertz", json!(7_999)), [""]);
        assert_eq!(paths("MedicalScribeMediaSampleRateHertz", json!(48_000)), Vec::<String>::new());
        assert_eq!(paths("SensitiveMarkdownString", json!("37 °C")), [""]);
        assert_eq!(paths("SensitiveMarkdownString", json!("Zoë: [x] 50% \\ {a}^")), Vec::<String>::new());
        let one = json!([{"channelId": 0, "participantRole": "PATIENT"}]);
        assert_eq!(paths("MedicalScribeChannelDefinitions", one), [""]);
    }

    #[test]
    fn a_description_names_path_and_rule_and_never_the_value() {
        let violations = model().check("SensitiveMarkdownString", &json!("canary °"));
        let text = describe(&violations);
        assert!(text.starts_with("1 validation error detected") && !text.contains("canary"), "{text}");
    }
}
