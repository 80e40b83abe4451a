//! Walks the service's published model and fails on anything that the code lacks or has differently.

use std::collections::{BTreeMap, BTreeSet};

use ossicle_model::rest::{OPERATIONS, errors};
use ossicle_model::shape::{Kind, Member, Place, Shape, TimestampFormat};
use serde_json::{Value, json};

fn model() -> Value {
    serde_json::from_str(include_str!("data/service-model.json")).unwrap()
}

struct Walk<'a> {
    shapes: &'a Value,
    differences: Vec<String>,
    seen: BTreeMap<String, &'static Shape>,
}

impl Walk<'_> {
    fn differ(&mut self, what: String) {
        self.differences.push(what);
    }

    fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: String, model: T, code: T) {
        if model != code {
            self.differ(format!("{what}: the model has {model:?}, the code {code:?}"));
        }
    }

    fn shape(&mut self, name: &str, code: &'static Shape) {
        let model = self.shapes[name].clone();
        if model["exception"] == true {
            self.error(name, &model);
            return;
        }
        self.same("name".into(), name, code.name);
        match self.seen.get(name) {
            Some(_)
                if matches!(
                    code.kind,
                    Kind::Structure { .. } | Kind::Union { .. } | Kind::Enumeration { .. }
                ) =>
            {
                return;
            }
            // A scalar may have two statics of one name, when one of them is more secret than the model says.
            _ => _ = self.seen.insert(name.to_owned(), code),
        }
        if model["sensitive"] == true && !code.sensitive {
            self.differ(format!("{name} is sensitive in the model"));
        }
        let number = |key: &str| model[key].as_i64();
        let length = |key: &str| model[key].as_u64().map(|length| usize::try_from(length).unwrap());
        match (&code.kind, model["type"].as_str().unwrap()) {
            (Kind::Boolean, "boolean")
            | (Kind::Long, "long")
            | (Kind::Double, "double")
            | (Kind::Blob, "blob") => {}
            (Kind::Integer { min, max }, "integer") => {
                self.same(format!("{name} range"), (number("min"), number("max")), (*min, *max));
            }
            (Kind::String { min, max, pattern }, "string") if model["enum"].is_null() => {
                self.same(format!("{name} length"), (length("min"), length("max")), (*min, *max));
                let pattern = pattern.map(|pattern| pattern.source());
                self.same(format!("{name} pattern"), model["pattern"].as_str(), pattern);
            }
            (Kind::Enumeration { values }, "string") => {
                let model: Vec<&str> =
                    model["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                self.same(format!("{name} values"), model, values.to_vec());
            }
            (Kind::Timestamp(format), "timestamp") => {
                let model = match model["timestampFormat"].as_str() {
                    Some("iso8601") => TimestampFormat::Iso8601,
                    // JSON bodies of this protocol have seconds unless the model says otherwise.
                    None => TimestampFormat::EpochSeconds,
                    Some(other) => panic!("timestamp format {other}"),
                };
                self.same(format!("{name} format"), model, *format);
            }
            (Kind::List { member, min, max }, "list") => {
                self.same(format!("{name} count"), (length("min"), length("max")), (*min, *max));
                self.shape(model["member"]["shape"].as_str().unwrap(), member);
            }
            (Kind::Map { key, value }, "map") => {
                self.shape(model["key"]["shape"].as_str().unwrap(), key);
                self.shape(model["value"]["shape"].as_str().unwrap(), value);
            }
            (Kind::Structure { members }, "structure") if model["union"] != true => {
                self.members(name, &model, members)
            }
            (Kind::Union { members }, "structure") if model["union"] == true => {
                self.members(name, &model, members)
            }
            (kind, model) => self.differ(format!("{name}: the model has a {model}, the code {kind:?}")),
        }
    }

    fn members(&mut self, name: &str, model: &Value, members: &'static [Member]) {
        let names: Vec<&str> = model["members"].as_object().unwrap().keys().map(String::as_str).collect();
        let ours: BTreeSet<&str> = members.iter().map(|member| member.name).collect();
        self.same(format!("{name} members"), names.iter().copied().collect::<BTreeSet<_>>(), ours);
        let required: BTreeSet<&str> =
            model["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let ours = members.iter().filter(|member| member.required).map(|member| member.name).collect();
        self.same(format!("{name} required"), required, ours);
        let payload = model["payload"].as_str();
        for member in members {
            let described = &model["members"][member.name];
            let Some(shape) = described["shape"].as_str() else { continue };
            let location = described["locationName"].as_str();
            let place = match described["location"].as_str() {
                Some("uri") => Place::Label,
                Some("querystring") => Place::Query,
                Some("header") => Place::Header(Box::leak(location.unwrap().to_owned().into_boxed_str())),
                None if payload == Some(member.name) => Place::Events,
                None if described["idempotencyToken"] == true => Place::Token,
                None => Place::Body,
                Some(other) => panic!("location {other}"),
            };
            if matches!(member.place, Place::Label | Place::Query) {
                self.same(format!("{name}.{} name", member.name), location, Some(member.name));
            }
            self.same(format!("{name}.{} place", member.name), place, member.place);
            self.shape(shape, member.shape);
        }
    }

    fn error(&mut self, name: &str, model: &Value) {
        let Some(error) = errors::ALL.iter().find(|error| error.name == name) else {
            return self.differ(format!("no error {name}"));
        };
        self.same(
            format!("{name} status"),
            model["error"]["httpStatusCode"].as_u64(),
            Some(error.status.into()),
        );
        self.same(format!("{name} retryable"), model["retryable"].is_object(), error.retryable);
        self.same(format!("{name} throttling"), model["retryable"]["throttling"] == true, error.throttling);
        let members: Vec<&String> = model["members"].as_object().unwrap().keys().collect();
        self.same(format!("{name} members"), members, vec![&"message".to_owned()]);
    }
}

/// Compares everything that the operations reach; gives the differences and the shapes that were visited.
fn compare(model: &Value) -> (Vec<String>, BTreeSet<String>) {
    let mut walk = Walk { shapes: &model["shapes"], differences: Vec::new(), seen: BTreeMap::new() };
    let operations = model["operations"].as_object().unwrap();
    let ours: BTreeSet<&str> = OPERATIONS.iter().map(|operation| operation.name).collect();
    walk.same("operations".into(), operations.keys().map(String::as_str).collect(), ours);
    for operation in OPERATIONS {
        let name = operation.name;
        let described = &operations[name];
        let http = &described["http"];
        walk.same(format!("{name} method"), http["method"].as_str(), Some(operation.method));
        walk.same(format!("{name} path"), http["requestUri"].as_str(), Some(operation.path));
        walk.same(format!("{name} status"), http["responseCode"].as_u64(), Some(operation.status.into()));
        let prefix = described["endpoint"]["hostPrefix"].as_str().unwrap_or("");
        walk.same(format!("{name} host prefix"), prefix, operation.host_prefix);
        let errors: BTreeSet<&str> = described["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|error| error["shape"].as_str())
            .collect();
        let ours = operation.errors.iter().map(|error| error.name).collect();
        walk.same(format!("{name} errors"), errors.clone(), ours);
        for error in errors {
            walk.error(error, &model["shapes"][error]);
        }
        walk.shape(described["input"]["shape"].as_str().unwrap(), operation.input);
        match (described["output"]["shape"].as_str(), operation.output) {
            (Some(shape), Some(output)) => walk.shape(shape, output),
            (None, None) => {}
            (model, code) => {
                walk.differ(format!("{name} output: the model has {model:?}, the code {code:?}"))
            }
        }
    }
    (walk.differences, walk.seen.into_keys().collect())
}

#[test]
fn the_code_has_what_the_model_has() {
    let model = model();
    let (differences, seen) = compare(&model);
    assert!(differences.is_empty(), "{differences:#?}");

    // Nothing of the model was left unvisited, but for errors, which are compared by name above.
    let shapes = model["shapes"].as_object().unwrap();
    let all = shapes.iter().filter(|(_, shape)| shape["exception"] != true).map(|(name, _)| name.as_str());
    assert_eq!(all.filter(|name| !seen.contains(*name)).collect::<Vec<_>>(), Vec::<&str>::new());
    assert_eq!(errors::ALL.len(), shapes.values().filter(|shape| shape["exception"] == true).count());
}

#[test]
fn a_model_that_differs_anywhere_is_noticed() {
    for (pointer, changed) in [
        ("/operations/GetDomain/http/method", json!("POST")),
        ("/operations/GetDomain/http/requestUri", json!("/domains/{domainId}")),
        ("/operations/SubmitFeedback/http/responseCode", json!(200)),
        ("/operations/SubmitFeedback/endpoint/hostPrefix", json!("streaming.")),
        ("/operations/DeleteDomain/errors/0/shape", json!("ConflictException")),
        ("/operations/GetDomain/output", Value::Null),
        ("/shapes/ConflictException/error/httpStatusCode", json!(410)),
        ("/shapes/CreateDomainInput/members/extra", json!({"shape": "String"})),
        ("/shapes/CreateDomainInput/required", json!([])),
        ("/shapes/GetDomainInput/members/domainId/location", json!("querystring")),
        ("/shapes/CreateDatasetInput/members/clientToken/idempotencyToken", json!(false)),
        ("/shapes/CreateDatasetInput/members/name/shape", json!("DomainName")),
        ("/shapes/ListDomainsInputMaxResultsInteger/max", json!(50)),
        ("/shapes/DomainName/max", json!(65)),
        ("/shapes/DomainId/pattern", json!("dom-[a-z0-9]+")),
        ("/shapes/JobStatus/enum/4", json!("CANCELLED")),
        ("/shapes/SyntheticTimestamp_date_time/timestampFormat", Value::Null),
        ("/shapes/Timestamp/timestampFormat", json!("iso8601")),
        ("/shapes/S3Sources/max", json!(11)),
        ("/shapes/DatasetConfig/union", json!(false)),
        ("/shapes/PeriodontalSiteList/max", json!(7)),
        ("/shapes/DomainName/sensitive", json!(true)),
    ] {
        let mut model = model();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match model.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}")) {
            Value::Object(object) => _ = object.insert(name.to_owned(), changed),
            Value::Array(entries) => entries.push(changed),
            other => panic!("{pointer} is in {other}"),
        }
        assert!(!compare(&model).0.is_empty(), "{pointer}");
    }
}

#[test]
fn the_members_of_structures_are_in_the_models_order() {
    // The order on the wire is that of the declaration. serde_json's maps are sorted, so the text tells the order.
    let text = include_str!("data/service-model.json");
    for operation in OPERATIONS {
        for shape in [Some(operation.input), operation.output].into_iter().flatten() {
            let start =
                text.find(&format!("\n  \"{}\": {{", shape.name)).unwrap_or_else(|| panic!("{}", shape.name));
            let members = start + text[start..].find("\"members\": {").unwrap();
            let positions: Vec<usize> = shape
                .members()
                .iter()
                .map(|member| text[members..].find(&format!("    \"{}\": {{", member.name)).unwrap())
                .collect();
            assert!(positions.is_sorted(), "{}", shape.name);
        }
    }
}

#[test]
fn every_pattern_compiles() {
    fn compile(shape: &'static Shape, depth: usize) -> usize {
        assert!(depth < 16, "{} nests too deep", shape.name);
        match shape.kind {
            Kind::String { pattern: Some(pattern), .. } => {
                pattern.matches("");
                1
            }
            Kind::List { member, .. } => compile(member, depth + 1),
            Kind::Map { key, value } => compile(key, depth + 1) + compile(value, depth + 1),
            _ => shape.members().iter().map(|member| compile(member.shape, depth + 1)).sum(),
        }
    }
    let shapes = OPERATIONS.iter().flat_map(|operation| [Some(operation.input), operation.output]);
    let compiled: usize = shapes.flatten().map(|shape| compile(shape, 0)).sum();
    assert!(compiled > 100, "{compiled}");
}
