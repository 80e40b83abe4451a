//! The source tree: where it is, where its builds go, and what stands in it.

use std::path::PathBuf;

use serde_json::Value;

use crate::process::Call;

/// The workspace, as `cargo metadata` describes it.
pub(crate) struct Tree {
    /// The folder that holds the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// The folder that builds go to.
    pub(crate) target: PathBuf,
    /// The workspace's packages, each as `cargo metadata` gives it.
    pub(crate) packages: Vec<Value>,
}

impl Tree {
    /// Asks cargo about the workspace that this program belongs to, wherever in it the caller stands.
    pub(crate) fn find() -> Result<Tree, String> {
        let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let answer = Call::cargo(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
            .arg(&manifest)
            .output()?;
        Tree::from_metadata(&answer)
    }

    fn from_metadata(answer: &str) -> Result<Tree, String> {
        let metadata: Value = serde_json::from_str(answer).map_err(|error| {
            format!("cargo metadata gave no JSON ({error}); is this cargo 1.95 or later?")
        })?;
        let path = |key: &str| {
            let missing = || format!("cargo metadata names no {key}; is this cargo 1.95 or later?");
            metadata[key].as_str().map(PathBuf::from).ok_or_else(missing)
        };
        Ok(Tree {
            root: path("workspace_root")?,
            target: path("target_directory")?,
            packages: metadata["packages"].as_array().cloned().unwrap_or_default(),
        })
    }

    /// Whether a file or folder, named from the root, is there.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// The version that all crates of the workspace share.
    pub(crate) fn version(&self) -> String {
        let of = |package: &Value| package["version"].as_str().map(str::to_owned);
        self.packages.first().and_then(of).unwrap_or_default()
    }

    /// The release build of the `ossicle` command.
    pub(crate) fn ossicle(&self) -> PathBuf {
        self.target.join("release").join(format!("ossicle{}", std::env::consts::EXE_SUFFIX))
    }

    /// A cargo command, run in the root.
    pub(crate) fn cargo<const N: usize>(&self, arguments: [&str; N]) -> Call {
        Call::cargo(arguments).current_dir(&self.root)
    }
}

#[cfg(test)]
mod tests {
    use super::Tree;

    #[test]
    fn metadata_without_a_root_is_refused_with_a_sentence() {
        let error = Tree::from_metadata("{}").err().unwrap();
        assert!(error.contains("workspace_root"), "{error}");
        assert!(Tree::from_metadata("not json").is_err());
    }
}
