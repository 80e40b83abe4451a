//! Compilers, and the library that cargo has built for these tests.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

/// The tree's root.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the tree is there")
}

/// The folder with the shared library of this build.
pub(crate) fn library_folder() -> PathBuf {
    let test = env::current_exe().expect("a test has a path");
    test.parent().expect("it lies in a folder").to_path_buf()
}

/// The committed header's text.
pub(crate) fn header() -> String {
    fs::read_to_string(root().join("include/ossicle.h")).expect("include/ossicle.h is there")
}

/// Runs a program to its end and asserts success; returns its standard output.
pub(crate) fn run(command: &mut Command) -> String {
    let output = finish(command);
    assert!(
        output.status.success(),
        "{command:?} ended with {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("it prints UTF-8")
}

/// Runs a program to its end.
pub(crate) fn finish(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"))
}

/// Compiles a program of `bindings/` against this build's library.
pub(crate) fn program(
    compiler: &str,
    standard: &str,
    source: &str,
    flags: &[&str],
    folder: &Path,
) -> PathBuf {
    let library = library_folder();
    // Under the names that it has when it is installed, so that the loader finds it by its SONAME too.
    for name in ["libossicle.so", "libossicle.so.1"] {
        let link = folder.join(name);
        if !link.exists() {
            fs::copy(library.join("libossicle_capi.so"), &link).expect("the shared library was built");
        }
    }
    let name = format!("{}-{}", Path::new(source).file_stem().unwrap().to_string_lossy(), flags.len());
    let out = folder.join(name);
    run(Command::new(compiler)
        .arg(format!("-std={standard}"))
        .args(["-O1", "-g", "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
        .args(flags)
        .arg("-I")
        .arg(root().join("include"))
        .arg("-I")
        .arg(root().join("bindings/cpp/include"))
        .arg(root().join("bindings").join(source))
        .arg("-o")
        .arg(&out)
        .arg("-L")
        .arg(folder)
        .args(["-lossicle", "-lpthread"])
        .arg(format!("-Wl,-rpath,{}", folder.display())));
    out
}
