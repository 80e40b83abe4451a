//! Programs in C and C++ against an installed library: found by CMake and by pkg-config, built, and run.

use std::path::{Path, PathBuf};

use crate::library::{self, Features, Library, make};
use crate::process::Call;
use crate::steps::Options;
use crate::tree::Tree;
use crate::{install, test};

pub(crate) const EXAMPLES_C: &str = "bindings/c/examples";
const EXAMPLES_CPP: &str = "bindings/cpp/examples";
const CONVERSATION: &str = "crates/ossicle-cli/assets/conversation.flac";
const SCRIPT: &str = "crates/ossicle-cli/assets/conversation.json";

/// The conversation's beginning, as raw samples: two channels of 16 bits at 16,000 Hz.
const PLAYED_S: usize = 12;
const BYTES_PER_S: usize = 16_000 * 2 * 2;
/// How much faster than real time it is played.
const SPEED: &str = "10";

/// What every compile has to stand.
const STRICT: &str = "-Wall -Wextra -Wpedantic -Werror";

/// The functions that test builds export and no header declares.
const TEST_HOOKS: [&str; 1] = ["ossicle_test_panic"];

/// The step `install` of the tests: installs the library that the tests were built with and uses it as a C programmer would.
///
/// What is shipped is built with another profile; `verify` does all of this with it again.
pub(crate) fn step(tree: &Tree, _: &Options) -> Result<(), String> {
    let library = Library::of_tests(tree)?;
    library::check_exports(tree, &library.shared, &["-D"], &TEST_HOOKS)?;
    let folder = fresh(tree, "install-check")?;
    let prefix = folder.join("prefix");
    install::install(tree, &library, &Features::with(&["loopback", "test-hooks"]), &prefix)?;
    check_name(&library, &prefix)?;
    build_and_run(tree, &prefix, &folder, Some(&audio(tree, &folder)?))
}

/// An empty folder of the target folder.
pub(crate) fn fresh(tree: &Tree, name: &str) -> Result<PathBuf, String> {
    let folder = tree.target.join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| format!("{} stays: {error}", folder.display()))?;
    }
    make(&folder)?;
    Ok(folder)
}

/// Checks that the name in the library is the name of a file that was installed, and that of its ABI.
pub(crate) fn check_name(library: &Library, prefix: &Path) -> Result<(), String> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let loaded = &library.names.loaded;
    let header = Call::new("readelf").arg("-d").arg(prefix.join("lib").join(loaded)).output()?;
    let said = header.lines().find_map(|line| line.split_once("Library soname: [")?.1.strip_suffix(']'));
    if said == Some(loaded.as_str()) {
        Ok(())
    } else {
        Err(format!(
            "the shared library calls itself {said:?} and is installed as {loaded:?}: see crates/ossicle-capi/build.rs"
        ))
    }
}

/// The beginning of the bundled conversation, decoded by the `flac` program.
pub(crate) fn audio(tree: &Tree, folder: &Path) -> Result<PathBuf, String> {
    let (whole, file) = (folder.join("whole.s16"), folder.join("conversation.s16"));
    Call::new("flac")
        .args(["--silent", "--force", "--decode", "--force-raw-format", "--endian=little", "--sign=signed"])
        .arg(tree.root.join(CONVERSATION))
        .arg("-o")
        .arg(&whole)
        .run_aside()?;
    let mut samples = std::fs::read(&whole).map_err(|error| format!("{}: {error}", whole.display()))?;
    samples.truncate(PLAYED_S * BYTES_PER_S);
    std::fs::write(&file, samples).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(file)
}

/// Builds the examples against `prefix` in each way, and runs them when there is `audio` to play; the library then needs
/// its loopback engine.
pub(crate) fn build_and_run(
    tree: &Tree,
    prefix: &Path,
    folder: &Path,
    audio: Option<&Path>,
) -> Result<(), String> {
    let mut programs = Vec::new();
    for (language, examples) in [("c", EXAMPLES_C), ("cpp", EXAMPLES_CPP)] {
        for (kind, is_static) in [("shared", "OFF"), ("static", "ON")] {
            let build = folder.join(format!("{language}-{kind}"));
            let flags = format!("-DCMAKE_{}_FLAGS={STRICT}", if language == "c" { "C" } else { "CXX" });
            cmake(
                &tree.root.join(examples),
                &build,
                prefix,
                [flags, format!("-DOSSICLE_STATIC={is_static}")],
            )?;
            programs.push(build.join("callback"));
        }
    }
    programs.push(folder.join("c-static/two_taps"));
    for (package, name) in [("ossicle", "pkg-config-shared"), ("ossicle-static", "pkg-config-static")] {
        let program = folder.join(name);
        by_pkg_config(tree, prefix, package, &program)?;
        programs.push(program);
    }
    let Some(audio) = audio else { return Ok(()) };
    for program in programs {
        let call = Call::new(&program).arg(audio).arg("--script").arg(tree.root.join(SCRIPT));
        // What CMake built knows its library; by pkg-config it is the user's system that knows it.
        call.args(["--speed", SPEED]).env("LD_LIBRARY_PATH", prefix.join("lib")).run_aside()?;
    }
    Ok(())
}

fn cmake(sources: &Path, build: &Path, prefix: &Path, settings: [String; 2]) -> Result<(), String> {
    Call::new("cmake")
        .arg("-S")
        .arg(sources)
        .arg("-B")
        .arg(build)
        .arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()))
        .args(settings)
        .run_aside()?;
    Call::new("cmake").arg("--build").arg(build).run_aside()
}

fn by_pkg_config(tree: &Tree, prefix: &Path, package: &str, program: &Path) -> Result<(), String> {
    let flags = Call::new("pkg-config")
        .args(["--cflags", "--libs", package])
        .env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"))
        .output()?;
    test::cc()
        .args(["-std=c99", "-O1"])
        .args(STRICT.split(' '))
        .arg(tree.root.join(EXAMPLES_C).join("callback.c"))
        .arg("-o")
        .arg(program)
        .args(flags.split_whitespace())
        .arg("-lpthread")
        .run_aside()
}
