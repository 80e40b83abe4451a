//! `cargo xtask test`: everything that has to pass, in order. This is what CI runs.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::process::{Call, on_path};
use crate::setup::Tool::{Alsa, Cc, Clang, Clippy, Cmake, Cxx, Flac, Make, PkgConfig, Python, Rustfmt};
use crate::steps::{self, Options, Step};
use crate::tree::Tree;
use crate::{Outcome, deps, programs, python, size};

const STEPS: &[Step] = &[
    Step { name: "fmt", title: "formatting", needs: &[Rustfmt], file: "", run: fmt },
    Step {
        name: "deps",
        title: "arrows between crates, unsafe code",
        needs: &[],
        file: "",
        run: deps::check,
    },
    Step { name: "clippy", title: "lints", needs: &[Clippy, Cc, Cxx, Make, Cmake], file: "", run: clippy },
    Step {
        name: "features",
        title: "crates without their optional parts, and with the microphone",
        needs: &[Clippy, Alsa],
        file: "",
        run: features,
    },
    Step { name: "doc", title: "documentation", needs: &[Cc, Cxx, Make, Cmake], file: "", run: doc },
    Step { name: "test", title: "all tests", needs: &[Cc, Cxx, Make, Cmake, Flac], file: "", run: test },
    Step {
        name: "python",
        title: "the emulator with clients in Python",
        needs: &[Cc, Cxx, Make, Cmake, Flac, Python],
        file: python::TESTS,
        run: python::run,
    },
    Step {
        name: "loom",
        title: "every interleaving of the audio queues",
        needs: &[Cc],
        file: LOOM,
        run: loom,
    },
    Step {
        name: "rtsan",
        title: "no system call or allocation in push",
        needs: &[Cc],
        file: RTSAN,
        run: rtsan,
    },
    Step {
        name: "asan",
        title: "FLAC under AddressSanitizer",
        needs: &[Cc, Cxx, Make, Cmake],
        file: ASAN,
        run: asan,
    },
    Step {
        name: "instructions",
        title: "the hot path takes no more instructions than before",
        needs: &[Cc, Cxx, Make, Cmake],
        file: INSTRUCTIONS,
        run: instructions,
    },
    Step {
        name: "header",
        title: "the header as C and C++",
        needs: &[Cc, Cxx, Clang],
        file: HEADER,
        run: header,
    },
    Step {
        name: "install",
        title: "the C library, found by CMake and pkg-config",
        needs: &[Cc, Cxx, Make, Cmake, Flac, PkgConfig],
        file: programs::EXAMPLES_C,
        run: programs::step,
    },
    Step {
        name: "size",
        title: "the C library as it is shipped: names, size, start",
        needs: &[Cc, Cxx, Make, Cmake],
        file: size::START,
        run: size::step_shipped,
    },
];

const LOOM: &str = "crates/ossicle-audio/src/sync.rs";
const RTSAN: &str = "crates/ossicle-audio/tests/rtsan.rs";
const ASAN: &str = "crates/ossicle-audio/tests/encode.rs";
const INSTRUCTIONS: &str = "benches/src/instructions/counts.json";
const HEADER: &str = "include/ossicle.h";

/// Runs the steps and prints the verdict, the last line and the only one of ours on standard output.
pub(crate) fn run(tree: &Tree, arguments: &[String]) -> Outcome {
    let options = Options::parse(arguments, &[])?;
    let Some(summary) = steps::run(STEPS, tree, &options)? else {
        return Ok(ExitCode::SUCCESS);
    };
    eprintln!("{}", summary.table());
    crate::answer(&summary.verdict("test"));
    Ok(if summary.failed().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn fmt(tree: &Tree, _: &Options) -> Result<(), String> {
    tree.cargo(["fmt", "--all", "--check"]).run()
}

fn clippy(tree: &Tree, _: &Options) -> Result<(), String> {
    tree.cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).run()
}

/// What is optional must be possible to leave out (no FLAC, for a build without cmake), and to take in.
fn features(tree: &Tree, _: &Options) -> Result<(), String> {
    let has_default = |package: &&serde_json::Value| package["features"]["default"].is_array();
    for package in tree.packages.iter().filter(has_default) {
        let name = package["name"].as_str().unwrap_or_default();
        tree.cargo(["clippy", "--package", name, "--no-default-features", "--", "-D", "warnings"]).run()?;
    }
    // Off by default because it needs the system's audio headers.
    tree.cargo(["clippy", "--package", "ossicle-cli", "--features", "mic", "--", "-D", "warnings"]).run()
}

fn doc(tree: &Tree, _: &Options) -> Result<(), String> {
    // Libraries only: the page of the program `ossicle` would lie where that of the library `ossicle` lies.
    tree.cargo(["doc", "--workspace", "--no-deps", "--lib"]).env("RUSTDOCFLAGS", "-D warnings").run()
}

fn test(tree: &Tree, _: &Options) -> Result<(), String> {
    tree.cargo(["test", "--workspace", "--no-fail-fast"]).run()
}

fn loom(tree: &Tree, _: &Options) -> Result<(), String> {
    // The models lie beside what they model; without FLAC there is no C code to build once more.
    tree.cargo(["test", "--package", "ossicle-audio", "--no-default-features", "--lib", "--target-dir"])
        .arg(tree.target.join("loom"))
        .args(["model"])
        .env("RUSTFLAGS", "--cfg loom")
        .run()
}

/// RealtimeSanitizer, with the run-time library that comes with the compiler. (By default the crate's build script
/// would fetch one from the network.) It sees allocation, system calls and contended locks, not an uncontended one.
fn rtsan(tree: &Tree, _: &Options) -> Result<(), String> {
    let library = sanitizer_library("librustc-stable_rt.rtsan.a")?;
    tree.cargo([
        "test",
        "--package",
        "ossicle-audio",
        "--features",
        "rtsan",
        "--test",
        "rtsan",
        "--target-dir",
    ])
    .arg(tree.target.join("rtsan"))
    .env("RTSAN_ENABLE", "1")
    .env("RTSAN_LIB_PATH", library)
    .run()
}

/// AddressSanitizer with its leak check, over the one place where C code works on our buffers.
fn asan(tree: &Tree, _: &Options) -> Result<(), String> {
    let host = host()?;
    tree.cargo(["test", "--package", "ossicle-audio", "--test", "encode", "--target", &host, "--target-dir"])
        .arg(tree.target.join("asan"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=address")
        .run()
}

/// Counted one by one, so that a busy machine changes nothing. Without the clients, which would bring the official SDK.
fn instructions(tree: &Tree, _: &Options) -> Result<(), String> {
    tree.cargo(["run", "--release", "--package", "ossicle-benches", "--no-default-features"])
        .args(["--bin", "instructions"])
        .run()
}

fn header(tree: &Tree, _: &Options) -> Result<(), String> {
    let strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"];
    let languages =
        [("c", "c99"), ("c", "c11"), ("c", "c17"), ("c++", "c++11"), ("c++", "c++17"), ("c++", "c++20")];
    for (c, cxx) in [("gcc", "g++"), ("clang", "clang++")] {
        if on_path(c).is_none() || on_path(cxx).is_none() {
            eprintln!("{c} is not here: not tried");
            continue;
        }
        for (language, standard) in languages {
            let compiler = if language == "c" { c } else { cxx };
            let call = Call::new(compiler).args(["-x", language, &format!("-std={standard}")]).args(strict);
            call.arg(tree.root.join(HEADER)).run()?;
        }
    }
    Ok(())
}

/// The compiler that cargo uses.
pub(crate) fn rustc() -> Call {
    Call::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// The system's C compiler.
pub(crate) fn cc() -> Call {
    Call::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
}

/// The triple of this machine.
pub(crate) fn host() -> Result<String, String> {
    let answer = rustc().arg("-vV").output()?;
    let host = answer.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "`rustc -vV` names no host".into())
}

fn sanitizer_library(name: &str) -> Result<PathBuf, String> {
    let sysroot = rustc().args(["--print", "sysroot"]).output()?;
    let folder = PathBuf::from(sysroot.trim()).join("lib/rustlib").join(host()?).join("lib");
    let library = folder.join(name);
    if library.is_file() {
        Ok(library)
    } else {
        Err(format!("this compiler brings no {name} (looked in {})", folder.display()))
    }
}
