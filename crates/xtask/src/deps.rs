//! `cargo xtask deps`: the arrows between crates, and where unsafe code may be.

mod arrows;
mod source;

use std::process::ExitCode;

use serde_json::Value;

use crate::steps::Options;
use crate::tree::Tree;
use crate::{Failure, Outcome};

use arrows::Arrow;

/// Runs the check alone.
pub(crate) fn run(tree: &Tree, arguments: &[String]) -> Outcome {
    if let Some(other) = arguments.first() {
        return Err(Failure::Usage(format!("deps takes no {other:?}")));
    }
    report(tree)?;
    Ok(ExitCode::SUCCESS)
}

/// The check as a step of the tests.
pub(crate) fn check(tree: &Tree, _: &Options) -> Result<(), String> {
    report(tree)
}

fn report(tree: &Tree) -> Result<(), String> {
    let names: Vec<&str> = tree.packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let arrows = arrows(&tree.packages);
    let mut faults = arrows::faults(&names, &arrows);
    faults.extend(source::faults(&tree.root, &roots(&tree.packages))?);
    if faults.is_empty() {
        let ours = arrows.iter().filter(|arrow| names.contains(&arrow.to)).count();
        eprintln!("{} crates, {ours} arrows between them, all down", names.len());
        Ok(())
    } else {
        Err(format!("{} faults in the tree:\n  {}", faults.len(), faults.join("\n  ")))
    }
}

/// All normal and build dependencies, also those that are optional or for one platform only.
/// What only tests use is free.
fn arrows(packages: &[Value]) -> Vec<Arrow<'_>> {
    let mut arrows = Vec::new();
    for package in packages {
        let from = package["name"].as_str().unwrap_or_default();
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        for dependency in dependencies.filter(|dependency| dependency["kind"] != "dev") {
            arrows.push(Arrow { from, to: dependency["name"].as_str().unwrap_or_default() });
        }
    }
    arrows
}

/// The first file of each library and program, with its package's name.
fn roots(packages: &[Value]) -> Vec<(&str, &str)> {
    let mut roots = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        for target in package["targets"].as_array().into_iter().flatten() {
            let kinds = target["kind"].as_array().into_iter().flatten();
            let mut kinds = kinds.filter_map(Value::as_str);
            if kinds.any(|kind| ["bin", "proc-macro"].contains(&kind) || kind.ends_with("lib")) {
                roots.push((name, target["src_path"].as_str().unwrap_or_default()));
            }
        }
    }
    roots
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{arrows, roots};

    #[test]
    fn what_only_tests_use_is_no_arrow() {
        let packages = [json!({"name": "a", "dependencies": [
            {"name": "n", "kind": null}, {"name": "b", "kind": "build"}, {"name": "d", "kind": "dev"},
        ]})];
        let to: Vec<&str> = arrows(&packages).iter().map(|arrow| arrow.to).collect();
        assert_eq!(to, ["n", "b"]);
    }

    #[test]
    fn roots_are_libraries_and_programs() {
        let packages = [json!({"name": "a", "targets": [
            {"kind": ["lib"], "src_path": "lib.rs"}, {"kind": ["cdylib", "staticlib"], "src_path": "c.rs"},
            {"kind": ["bin"], "src_path": "main.rs"}, {"kind": ["test"], "src_path": "t.rs"},
            {"kind": ["custom-build"], "src_path": "build.rs"},
        ]})];
        assert_eq!(roots(&packages), [("a", "lib.rs"), ("a", "c.rs"), ("a", "main.rs")]);
    }
}
