//! Programs in C under tools that watch their memory and their threads.

use std::path::{Path, PathBuf};

use crate::library::{Features, Library};
use crate::process::Call;
use crate::programs::{EXAMPLES_C, audio, fresh};
use crate::steps::Options;
use crate::tree::Tree;
use crate::{install, test};

const SCRIPT: &str = "crates/ossicle-cli/assets/conversation.json";
const MISUSE: &str = "bindings/c/tests/misuse.c";
/// Under valgrind a program is some fifty times as slow: at real time it keeps up.
const SPEED: &str = "1";
/// Engines that are made and destroyed; the tests do 10,000 without valgrind.
const CYCLES: &str = "20";

/// Memcheck over whole sessions and over all that can be misused: no error, nothing definitely lost.
pub(super) fn valgrind(tree: &Tree, _: &Options) -> Result<(), String> {
    let bench = Bench::new(tree, "c-valgrind")?;
    let memcheck = || {
        let options =
            ["--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite", "--quiet"];
        Call::new("valgrind").args(options)
    };
    for name in ["callback", "two_taps"] {
        let program = bench.compile(test::cc(), &bench.example(name), &["-O1", "-g"])?;
        bench.play(memcheck().arg(program)).run_aside()?;
    }
    let misuse = bench.compile(test::cc(), &tree.root.join(MISUSE), &["-O1", "-g"])?;
    memcheck().arg(misuse).env("OSSICLE_CYCLES", CYCLES).env("RUST_BACKTRACE", "0").run_aside()
}

/// ThreadSanitizer over the programs' own threads. It does not see into the library, whose races loom and the simulator
/// look for.
pub(super) fn tsan(tree: &Tree, _: &Options) -> Result<(), String> {
    let bench = Bench::new(tree, "c-tsan")?;
    let flags = ["-O1", "-g", "-fsanitize=thread"];
    for name in ["callback", "two_taps"] {
        let program = bench.compile(Call::new("clang"), &bench.example(name), &flags)?;
        bench.play(Call::new(program)).run_aside()?;
    }
    let misuse = bench.compile(Call::new("clang"), &tree.root.join(MISUSE), &flags)?;
    Call::new(misuse).env("OSSICLE_CYCLES", CYCLES).env("RUST_BACKTRACE", "0").run_aside()
}

/// The library of test builds, installed, with something to play.
struct Bench<'a> {
    tree: &'a Tree,
    folder: PathBuf,
    audio: PathBuf,
}

impl<'a> Bench<'a> {
    fn new(tree: &'a Tree, name: &str) -> Result<Bench<'a>, String> {
        let folder = fresh(tree, name)?;
        let library = Library::of_tests(tree)?;
        install::install(
            tree,
            &library,
            &Features::with(&["loopback", "test-hooks"]),
            &folder.join("prefix"),
        )?;
        let audio = audio(tree, &folder)?;
        Ok(Bench { tree, folder, audio })
    }

    fn example(&self, name: &str) -> PathBuf {
        self.tree.root.join(EXAMPLES_C).join(format!("{name}.c"))
    }

    fn compile(&self, compiler: Call, source: &Path, flags: &[&str]) -> Result<PathBuf, String> {
        let program = self.folder.join(source.file_stem().unwrap_or_default());
        let (include, lib) = (self.folder.join("prefix/include"), self.folder.join("prefix/lib"));
        compiler
            .arg("-std=c11")
            .args(flags)
            .arg("-I")
            .arg(include)
            .arg(source)
            .arg("-o")
            .arg(&program)
            .arg("-L")
            .arg(&lib)
            .args(["-lossicle", "-lpthread"])
            .arg(format!("-Wl,-rpath,{}", lib.display()))
            .run_aside()?;
        Ok(program)
    }

    fn play(&self, call: Call) -> Call {
        call.arg(&self.audio).arg("--script").arg(self.tree.root.join(SCRIPT)).args(["--speed", SPEED])
    }
}
