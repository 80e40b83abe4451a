//! The step `python`: clients of the service that others wrote, in Python, against the emulator.
//!
//! They run in a virtual environment under the target folder, with the versions that the tests' requirements name.

use std::path::{Path, PathBuf};

use crate::process::{Call, on_path};
use crate::steps::Options;
use crate::tree::Tree;

/// The program that runs the tests; the tree has the step when it has this.
pub(crate) const TESTS: &str = "crates/ossicle-emulator/tests/python/run.py";
const REQUIREMENTS: &str = "crates/ossicle-emulator/tests/python/requirements.txt";

/// What botocore needs.
const OLDEST: Version = Version(3, 10);
/// What the official SDK needs, and so the tests that stream.
const STREAMS: Version = Version(3, 12);
/// Modules of tests that an older Python can run too.
const WITHOUT_STREAMS: [&str; 2] = ["test_control", "test_agreement"];
/// Any integration test of the command: building it with the whole workspace's features, as the step `test` does,
/// builds the command itself too, and nothing twice.
const COMMAND_TEST: &str = "demo";

/// Version of a Python: major and minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

/// A Python of this system that can make virtual environments.
struct Python {
    program: PathBuf,
    version: Version,
}

/// Whether there is a Python that can run at least some of the tests.
pub(crate) fn is_there() -> bool {
    find().is_some()
}

/// Builds the command, makes the environment if it is not there yet, and runs the tests.
pub(crate) fn run(tree: &Tree, _: &Options) -> Result<(), String> {
    let python = find().ok_or_else(|| format!("no Python from {OLDEST} on is here"))?;
    let own = environment(tree, &python)?;
    tree.cargo(["test", "--workspace", "--no-run", "--test", COMMAND_TEST]).run()?;
    let command = tree.target.join("debug").join(format!("ossicle{}", std::env::consts::EXE_SUFFIX));
    let streams = python.version >= STREAMS;
    let names: &[&str] = if streams { &[] } else { &WITHOUT_STREAMS };
    Call::new(own)
        // The tree stays as it is: no compiled files beside the sources.
        .arg("-B")
        .arg(tree.root.join(TESTS))
        .args(names)
        .env("OSSICLE", command)
        .run_aside()?;
    if streams {
        return Ok(());
    }
    Err(format!(
        "the official SDK needs Python {STREAMS} and the newest here is {}: its streams were not tried, all else passed. \
         Install Python {STREAMS} or later (from the system's packages, or with `pyenv install {STREAMS}`) and run this again",
        python.version
    ))
}

/// The Python of an environment that holds what the requirements name.
fn environment(tree: &Tree, python: &Python) -> Result<PathBuf, String> {
    let requirements = tree.root.join(REQUIREMENTS);
    let wanted = std::fs::read_to_string(&requirements)
        .map_err(|error| format!("{} cannot be read: {error}", requirements.display()))?;
    let wanted = format!("{}\n{wanted}", python.program.display());
    let folder = tree.target.join("python");
    // Written last: what it says is there, whole.
    let made_of = folder.join("made-of.txt");
    let own = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if own.is_file() && std::fs::read_to_string(&made_of).is_ok_and(|made| made == wanted) {
        return Ok(own);
    }

    eprintln!("Making {} with the packages of {REQUIREMENTS}, from PyPI", folder.display());
    Call::new(&python.program).args(["-m", "venv", "--clear"]).arg(&folder).run_aside()?;
    let install = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"];
    // What is not there in a compiled form for this system would ask for compilers that nobody has named.
    let plain = ["--only-binary", ":all:", "--retries", "2", "--requirement"];
    let call = Call::new(&own).args(install).args(plain).arg(&requirements);
    call.run_aside().map_err(|error| {
        format!("{error}: the packages of {REQUIREMENTS} could not be had from PyPI; is the network there?")
    })?;
    std::fs::write(&made_of, wanted)
        .map_err(|error| format!("{} cannot be written: {error}", made_of.display()))?;
    Ok(own)
}

/// The Python of an environment in `folder` that holds one package, which is got from PyPI when it is not there.
pub(crate) fn with_package(folder: &Path, package: &str) -> Result<PathBuf, String> {
    let own = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    // Written last: what it says is there, whole.
    let made_of = folder.join("made-of.txt");
    if own.is_file() && std::fs::read_to_string(&made_of).is_ok_and(|made| made == package) {
        return Ok(own);
    }
    let python = find().ok_or_else(|| format!("no Python from {OLDEST} on is here"))?;
    Call::new(&python.program).args(["-m", "venv", "--clear"]).arg(folder).run_aside()?;
    let install = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"];
    Call::new(&own).args(install).args(["--only-binary", ":all:", package]).run_aside()?;
    std::fs::write(&made_of, package)
        .map_err(|error| format!("{} cannot be written: {error}", made_of.display()))?;
    Ok(own)
}

/// The Python to use: the oldest that can stream, for which packages are compiled most surely; else the newest.
fn find() -> Option<Python> {
    let names = ["python3", "python", "python3.12", "python3.13", "python3.14"];
    let of_path = names.iter().filter_map(|name| on_path(name));
    choose(of_path.chain(of_pyenv()).filter_map(|program| look(&program)))
}

fn choose(found: impl Iterator<Item = Python>) -> Option<Python> {
    let (streaming, older): (Vec<Python>, Vec<Python>) =
        found.filter(|python| python.version >= OLDEST).partition(|python| python.version >= STREAMS);
    let oldest = streaming.into_iter().min_by_key(|python| python.version);
    oldest.or_else(|| older.into_iter().max_by_key(|python| python.version))
}

/// Pythons that pyenv has installed: those that are not switched on are on the path only in name.
fn of_pyenv() -> Vec<PathBuf> {
    let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let Some(root) = root.or_else(|| Some(std::env::home_dir()?.join(".pyenv"))) else { return Vec::new() };
    let folders = std::fs::read_dir(root.join("versions")).into_iter().flatten().flatten();
    let mut programs: Vec<PathBuf> = folders.map(|folder| folder.path().join("bin/python3")).collect();
    programs.retain(|program| program.is_file());
    programs.sort_unstable();
    programs
}

/// Asks a program for its version; none if it does not run, or cannot make environments.
fn look(program: &Path) -> Option<Python> {
    let ask = "import ensurepip, sys, venv; print(*sys.version_info[:2])";
    let output = std::process::Command::new(program).args(["-c", ask]).output().ok()?;
    let version = Version::read(output.status.success().then_some(&output.stdout)?)?;
    Some(Python { program: program.to_owned(), version })
}

impl Version {
    fn read(printed: &[u8]) -> Option<Version> {
        let (major, minor) = std::str::from_utf8(printed).ok()?.trim().split_once(' ')?;
        Some(Version(major.parse().ok()?, minor.parse().ok()?))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::{Python, Version, choose};

    fn chosen(minors: &[u32]) -> Option<String> {
        let found =
            minors.iter().map(|minor| Python { program: "python".into(), version: Version(3, *minor) });
        choose(found).map(|python| python.version.to_string())
    }

    #[test]
    fn the_oldest_that_streams_is_chosen_else_the_newest_that_is_new_enough() {
        assert_eq!(chosen(&[11, 14, 12, 13]).as_deref(), Some("3.12"));
        assert_eq!(chosen(&[9, 10, 11]).as_deref(), Some("3.11"));
        assert_eq!(chosen(&[9]), None);
    }

    #[test]
    fn a_version_is_read_or_it_is_none() {
        assert_eq!(Version::read(b"3 12\r\n"), Some(Version(3, 12)));
        assert_eq!(Version::read(b"pyenv: python3.12: command not found"), None);
    }
}
