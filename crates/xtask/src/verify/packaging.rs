//! The step `release`: the archive that users get, taken for what they do with it.

use std::path::Path;

use crate::library::{Features, Library};
use crate::process::Call;
use crate::programs::{audio, build_and_run, check_name, fresh};
use crate::steps::Options;
use crate::tree::Tree;
use crate::{install, python, release};

/// The official schema of bills of materials, in the package of those who write it.
const SCHEMA: &str = "cyclonedx-python-lib[json-validation]==11.12.0";
const VALIDATE: &str = "
import sys
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation import make_schemabased_validator
error = make_schemabased_validator(OutputFormat.JSON, SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())
sys.exit(f'not CycloneDX 1.6: {error}' if error else 0)
";

/// Makes the archive, unpacks it elsewhere, checks its bill with the official schema, and builds the examples against it.
/// Then plays the conversation through the same build with the loopback engine in it.
pub(super) fn step(tree: &Tree, options: &Options) -> Result<(), String> {
    let folder = fresh(tree, "release-check")?;
    let archive = release::make_archive(tree, &Features::default(), &folder.join("archive"))?;
    let prefix = release::unpack(&archive, &folder.join("unpacked"))?;
    build_and_run(tree, &prefix, &folder.join("programs"), None)?;

    let features = Features::with(&["loopback"]);
    let library = Library::dist(tree, &features)?;
    let prefix_loopback = folder.join("prefix-loopback");
    install::install(tree, &library, &features, &prefix_loopback)?;
    check_name(&library, &prefix_loopback)?;
    let audio = audio(tree, &folder)?;
    build_and_run(tree, &prefix_loopback, &folder.join("programs-loopback"), Some(&audio))?;
    validate(tree, &release::bill_of(&prefix)?, options)
}

fn validate(tree: &Tree, bill: &Path, options: &Options) -> Result<(), String> {
    let own = match python::with_package(&tree.target.join("python-sbom"), SCHEMA) {
        Ok(own) => own,
        Err(error) => {
            options.skip(format!(
                "the archive passed, but its bill was not held against the official schema: {error}"
            ));
            return Ok(());
        }
    };
    Call::new(own).args(["-c", VALIDATE]).arg(bill).run_aside()
}
