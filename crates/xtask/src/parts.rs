//! What is linked into the C library: the crates, the C code inside of some, and Rust's own library.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::library::{Features, read};
use crate::test;
use crate::tree::Tree;

const ROOT: &str = "ossicle-capi";

/// A crate: name and version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// A crate that is linked in.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) id: Id,
    /// An SPDX expression.
    pub(crate) licence: String,
    /// Where its sources lie here.
    pub(crate) folder: PathBuf,
    pub(crate) repository: Option<String>,
    /// SHA-256 of what the registry serves, in hex; none for what is of this tree.
    pub(crate) checksum: Option<String>,
    /// What it links in turn.
    pub(crate) uses: BTreeSet<Id>,
}

/// C code that a crate brings with it.
pub(crate) struct Vendored {
    pub(crate) crate_name: &'static str,
    pub(crate) name: &'static str,
    pub(crate) licence: &'static str,
    pub(crate) home: &'static str,
    /// The file with its version, what stands before the version and what after it.
    version: (&'static str, &'static str, char),
    /// Files with its licences, from the crate's folder.
    pub(crate) licence_files: &'static [&'static str],
}

/// All C code that any feature links in. A crate with C code that is not here fails the release.
pub(crate) const VENDORED: [Vendored; 3] = [
    Vendored {
        crate_name: "aws-lc-sys",
        name: "AWS-LC",
        licence: "ISC AND (Apache-2.0 OR ISC) AND Apache-2.0 AND MIT AND BSD-3-Clause",
        home: "https://github.com/aws/aws-lc",
        version: ("aws-lc/include/openssl/base.h", "#define AWSLC_VERSION_NUMBER_STRING \"", '"'),
        licence_files: &["aws-lc/LICENSE"],
    },
    Vendored {
        crate_name: "aws-lc-fips-sys",
        name: "AWS-LC-FIPS",
        licence: "ISC AND (Apache-2.0 OR ISC) AND OpenSSL",
        home: "https://github.com/aws/aws-lc",
        version: ("aws-lc/include/openssl/base.h", "#define AWSLC_VERSION_NUMBER_STRING \"", '"'),
        licence_files: &["aws-lc/LICENSE"],
    },
    Vendored {
        crate_name: "libflac-sys",
        name: "libFLAC",
        licence: "BSD-3-Clause",
        home: "https://github.com/xiph/flac",
        version: ("flac/CMakeLists.txt", "project(FLAC VERSION ", ')'),
        licence_files: &["flac/COPYING.Xiph"],
    },
];

impl Vendored {
    /// The version, as its sources say it.
    pub(crate) fn version(&self, part: &Part) -> Result<String, String> {
        let (file, before, after) = self.version;
        let text = read(&part.folder.join(file))?;
        let rest = text.split(before).nth(1).and_then(|rest| rest.split([after, ' ']).next());
        let version = rest.filter(|version| version.starts_with(|first: char| first.is_ascii_digit()));
        version.map(str::to_owned).ok_or_else(|| format!("{file} of {} names no version", self.crate_name))
    }
}

/// All that is linked in for this system with these features; the root's own crate comes first.
pub(crate) fn of(tree: &Tree, features: &Features) -> Result<Vec<Part>, String> {
    let host = test::host()?;
    let listed = tree
        .cargo(["tree", "--package", ROOT, "--edges", "normal,no-proc-macro", "--prefix", "depth"])
        .args(["--charset", "ascii", "--format", " {p}", "--target", &host])
        .args(features.arguments())
        .output()?;
    let uses = edges(&listed)?;
    let metadata = tree.cargo(["metadata", "--format-version", "1", "--filter-platform", &host]).output()?;
    let metadata: Value =
        serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata gave no JSON: {error}"))?;
    let checksums = checksums(&read(&tree.root.join("Cargo.lock"))?);

    let mut parts = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let text = |key: &str| package[key].as_str().map(str::to_owned);
        let id = Id { name: text("name").unwrap_or_default(), version: text("version").unwrap_or_default() };
        let Some(uses) = uses.get(&id) else { continue };
        let manifest = PathBuf::from(text("manifest_path").unwrap_or_default());
        parts.push(Part {
            licence: licence(&text("license").ok_or_else(|| format!("{} names no licence", id.name))?),
            folder: manifest.parent().map(Path::to_path_buf).unwrap_or_default(),
            repository: text("repository"),
            checksum: checksums.get(&id).cloned(),
            uses: uses.clone(),
            id,
        });
    }
    if parts.len() != uses.len() {
        return Err(format!(
            "cargo tree names {} crates and cargo metadata {} of them",
            uses.len(),
            parts.len()
        ));
    }
    for part in parts.iter().filter(|part| part.id.name.ends_with("-sys")) {
        if !VENDORED.iter().any(|code| code.crate_name == part.id.name)
            && part.folder.join("build.rs").exists()
        {
            return Err(format!("{} may bring C code: name it in xtask's parts.rs", part.id.name));
        }
    }
    parts.sort_by_key(|part| (part.id.name != ROOT, part.id.clone()));
    Ok(parts)
}

/// Old manifests write `A/B` where the others write `A OR B`.
fn licence(expression: &str) -> String {
    let words: Vec<&str> = expression.split('/').map(str::trim).collect();
    words.join(" OR ")
}

/// What each crate uses, of lines `DEPTH NAME vVERSION ...`. A crate's own uses are listed where it comes first.
fn edges(listed: &str) -> Result<BTreeMap<Id, BTreeSet<Id>>, String> {
    let mut uses: BTreeMap<Id, BTreeSet<Id>> = BTreeMap::new();
    let mut above: Vec<Id> = Vec::new();
    for line in listed.lines().filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        let depth = words.next().and_then(|depth| depth.parse::<usize>().ok());
        let (name, version) = (words.next(), words.next().and_then(|version| version.strip_prefix('v')));
        let (Some(depth), Some(name), Some(version)) = (depth, name, version) else {
            return Err(format!("cargo tree printed a line that is not understood: {line:?}"));
        };
        let id = Id { name: name.to_owned(), version: version.to_owned() };
        above.truncate(depth);
        if let Some(parent) = above.last() {
            uses.entry(parent.clone()).or_default().insert(id.clone());
        }
        uses.entry(id.clone()).or_default();
        above.push(id);
    }
    Ok(uses)
}

/// The checksums of a lock file.
fn checksums(lock: &str) -> BTreeMap<Id, String> {
    let mut found = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let value = |key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
            line.map(|value| value.trim_matches('"').to_owned())
        };
        if let (Some(name), Some(version), Some(sum)) = (value("name"), value("version"), value("checksum")) {
            found.insert(Id { name, version }, sum);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Id, checksums, edges, licence};

    fn id(name: &str) -> Id {
        Id { name: name.into(), version: "1.0.0".into() }
    }

    #[test]
    fn uses_follow_the_depth() {
        let listed = "0 a v1.0.0 (/here)\n1 b v1.0.0\n2 c v1.0.0\n1 c v1.0.0 (*)\n1 d v1.0.0\n";
        let uses = edges(listed).unwrap();
        assert_eq!(uses[&id("a")], [id("b"), id("c"), id("d")].into());
        assert_eq!(uses[&id("b")], [id("c")].into());
        assert!(uses[&id("c")].is_empty() && uses[&id("d")].is_empty());
        assert!(edges("a v1.0.0").is_err());
    }

    #[test]
    fn a_lock_file_gives_checksums_of_what_has_one() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"b\"\n\
                    version = \"1.0.0\"\nsource = \"registry\"\nchecksum = \"ab12\"\ndependencies = [\n \"a\",\n]\n";
        let sums = checksums(lock);
        assert_eq!((sums.len(), sums[&id("b")].as_str()), (1, "ab12"));
    }

    #[test]
    fn the_old_way_to_write_a_choice_is_read() {
        assert_eq!(licence("MIT/Apache-2.0"), "MIT OR Apache-2.0");
        assert_eq!(licence("Apache-2.0 / MIT"), "Apache-2.0 OR MIT");
        assert_eq!(licence("MIT OR Apache-2.0"), "MIT OR Apache-2.0");
    }
}
