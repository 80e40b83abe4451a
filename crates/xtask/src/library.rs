//! The C library: how it is built, and what its files are called.

mod names;

use std::path::{Path, PathBuf};

use crate::process::Call;
use crate::tree::Tree;
use crate::{Failure, test};

pub(crate) use names::Names;

const PACKAGE: &str = "ossicle-capi";
const HEADER: &str = "include/ossicle.h";

/// Cargo features of the C library.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Features {
    /// Without those that are on by default.
    pub(crate) no_default: bool,
    /// Those that are asked for.
    pub(crate) names: Vec<String>,
}

impl Features {
    /// Default features and these.
    pub(crate) fn with(names: &[&str]) -> Features {
        Features { no_default: false, names: names.iter().map(|name| (*name).to_owned()).collect() }
    }

    /// These alone.
    pub(crate) fn only(names: &[&str]) -> Features {
        Features { no_default: true, ..Features::with(names) }
    }

    /// Takes one word of a command line, with the next ones at hand; false when it is none about features.
    pub(crate) fn take<'a>(
        &mut self,
        word: &str,
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<bool, Failure> {
        match word {
            "--no-default-features" => self.no_default = true,
            "--features" => {
                let list = rest.next().ok_or_else(|| Failure::Usage(format!("{word} needs a list")))?;
                let words = list.split([',', ' ']).filter(|word| !word.is_empty());
                self.names.extend(words.map(str::to_owned));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// As cargo's arguments.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        if self.no_default {
            arguments.push("--no-default-features".to_owned());
        }
        if !self.names.is_empty() {
            arguments.extend(["--features".to_owned(), self.names.join(",")]);
        }
        arguments
    }

    /// A name for a folder or a line of a table.
    pub(crate) fn label(&self) -> String {
        let mut words = vec![if self.no_default { "none" } else { "default" }];
        words.extend(self.names.iter().map(String::as_str));
        words.join("+")
    }
}

/// A build of the C library.
pub(crate) struct Library {
    pub(crate) names: Names,
    /// The shared library with its symbols, before it is stripped.
    pub(crate) unstripped: Option<PathBuf>,
    /// The shared library, as it is shipped.
    pub(crate) shared: PathBuf,
    /// The static library.
    pub(crate) archive: PathBuf,
    /// What a program has to link beside the static library, such as `-lm`.
    pub(crate) native: Vec<String>,
}

impl Library {
    /// What is shipped: built in the profile `dist`, and stripped.
    ///
    /// The crate types are named because cargo optimises over crates only when all of them are final products, which
    /// the `rlib` of the manifest is not.
    pub(crate) fn dist(tree: &Tree, features: &Features) -> Result<Library, String> {
        let folder = tree.target.join("dist-c").join(features.label());
        make(&folder)?;
        let native = folder.join("native-static-libs.txt");
        let build = ["rustc", "--package", PACKAGE, "--lib", "--crate-type", "cdylib,staticlib"];
        tree.cargo(build)
            .args(["--profile", "dist"])
            .args(features.arguments())
            // The table of what is in it needs the names: they are stripped here, afterwards.
            .args(["--", "-C", "strip=none", "--print"])
            .arg(format!("native-static-libs={}", native.display()))
            .run_aside()?;

        let names = Names::of_this_system(tree)?;
        let built = tree.target.join("dist");
        let with_symbols = folder.join("with-symbols");
        make(&with_symbols)?;
        let unstripped = with_symbols.join(&names.built_shared);
        let shared = folder.join(&names.shared);
        let archive = folder.join(&names.archive);
        copy(&built.join(&names.built_shared), &unstripped)?;
        copy(&built.join(&names.built_shared), &shared)?;
        copy(&built.join(&names.built_archive), &archive)?;
        strip(&shared, &archive)?;
        if cfg!(target_os = "linux") {
            keep_to_itself(tree, &archive, &folder)?;
        }
        Ok(Library { names, unstripped: Some(unstripped), shared, archive, native: words(&native)? })
    }

    /// What the tests were built with: the profile `dev`, and the features of test builds. Nothing is compiled twice.
    pub(crate) fn of_tests(tree: &Tree) -> Result<Library, String> {
        tree.cargo(["test", "--workspace", "--no-run", "--test", TEST_WITH_LIBRARY]).run_aside()?;
        let names = Names::of_this_system(tree)?;
        let built = tree.target.join("debug/deps");
        let (shared, archive) = (built.join(&names.built_shared), built.join(&names.built_archive));
        Ok(Library { names, unstripped: None, shared, archive, native: native_of_std(tree)? })
    }
}

/// A test of the C crate: building it builds the library.
const TEST_WITH_LIBRARY: &str = "abi";

/// What Rust's own library needs. Ours adds nothing to it on Linux; the build of what is shipped asks for all of it.
fn native_of_std(tree: &Tree) -> Result<Vec<String>, String> {
    let folder = tree.target.join("native-of-std");
    make(&folder)?;
    let (empty, list) = (folder.join("empty.rs"), folder.join("list.txt"));
    write(&empty, "")?;
    test::rustc()
        .args(["--crate-type", "staticlib", "--edition", "2024", "--out-dir"])
        .arg(&folder)
        .args(["--print", &format!("native-static-libs={}", list.display())])
        .arg(&empty)
        .run_aside()?;
    words(&list)
}

/// Takes out what no program needs: names from the shared library, and debug sections of Rust's own library from the static one.
fn strip(shared: &Path, archive: &Path) -> Result<(), String> {
    if cfg!(windows) {
        // Microsoft's linker keeps names in a file of their own.
        return Ok(());
    }
    let all: &[&str] = if cfg!(target_vendor = "apple") { &["-x"] } else { &["--strip-all"] };
    Call::new("strip").args(all).arg(shared).run_aside()?;
    Call::new("strip").arg("-S").arg(archive).run_aside()
}

/// Makes a static library that shows the declared names and no others, as the shared one does: a program that has a libFLAC,
/// another TLS library or more Rust of its own links with it and gets none of ours in their place.
fn keep_to_itself(tree: &Tree, archive: &Path, folder: &Path) -> Result<(), String> {
    let (whole, one, list) = (folder.join("whole.o"), folder.join("ossicle.o"), folder.join("names.txt"));
    let names = declared(&read(&tree.root.join(HEADER))?);
    write(&list, &format!("{}\n", names.join("\n")))?;
    // Only what the declared functions need comes along.
    let roots = names.iter().flat_map(|name| ["-u", name.as_str()]);
    Call::new("ld").args(["-r", "-o"]).arg(&whole).args(roots).arg(archive).run_aside()?;
    Call::new("objcopy")
        // What is left of the compiler's own form of the code is of no use, and other versions of it stumble over it.
        .args(["--remove-section=.llvmbc", "--remove-section=.llvmcmd"])
        .arg(format!("--keep-global-symbols={}", list.display()))
        .args([&whole, &one])
        .run_aside()?;
    remove(archive)?;
    Call::new("ar").arg("rcs").arg(archive).arg(&one).run_aside()?;
    remove(&whole)?;
    remove(&one)
}

/// The number of the ABI, as the header says it.
pub(crate) fn abi(tree: &Tree) -> Result<u32, String> {
    let header = read(&tree.root.join(HEADER))?;
    let value = header.lines().find_map(|line| line.strip_prefix("#define OSSICLE_ABI "));
    let value = value.and_then(|value| value.trim().parse().ok());
    value.ok_or_else(|| format!("{HEADER} defines no OSSICLE_ABI"))
}

/// The names that the header declares as exported functions.
pub(crate) fn declared(header: &str) -> Vec<String> {
    let mut names = Vec::new();
    for declaration in header.split("\nOSSICLE_API ").skip(1) {
        let before = declaration.split('(').next().unwrap_or_default();
        let name = before.split([' ', '*', '\n']).rfind(|word| !word.is_empty());
        names.extend(name.map(str::to_owned));
    }
    names.sort_unstable();
    names
}

impl Library {
    /// Checks that what is shipped shows the names that the header declares and nothing else: the shared library, and on Linux
    /// the static one.
    pub(crate) fn check_names(&self, tree: &Tree) -> Result<(), String> {
        check_exports(tree, &self.shared, &["-D"], &[])?;
        if cfg!(target_os = "linux") { check_exports(tree, &self.archive, &["-g"], &[]) } else { Ok(()) }
    }
}

/// Checks that a library shows what the header declares and nothing else, but for `besides`. `which` are nm's options.
pub(crate) fn check_exports(
    tree: &Tree,
    library: &Path,
    which: &[&str],
    besides: &[&str],
) -> Result<(), String> {
    let declared = declared(&read(&tree.root.join(HEADER))?);
    let listed = Call::new("nm").args(which).arg("--defined-only").arg(library).output()?;
    let listed = listed.lines().filter(|line| line.split_whitespace().count() == 3);
    let mut exported: Vec<String> =
        listed.filter_map(|line| line.split_whitespace().next_back().map(str::to_owned)).collect();
    exported.retain(|name| !besides.contains(&name.as_str()));
    exported.sort_unstable();
    if declared.is_empty() || exported != declared {
        let missing: Vec<&String> = declared.iter().filter(|name| !exported.contains(name)).collect();
        let more: Vec<&String> = exported.iter().filter(|name| !declared.contains(name)).collect();
        return Err(format!(
            "{} does not export what the header declares: missing {missing:?}, not declared {more:?}",
            library.display()
        ));
    }
    Ok(())
}

fn words(list: &Path) -> Result<Vec<String>, String> {
    Ok(read(list)?.split_whitespace().map(str::to_owned).collect())
}

/// Makes a folder and those above it.
pub(crate) fn make(folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))
}

/// Copies a file over what is there.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), String> {
    // A program that runs keeps the old file, and a link is not written through.
    let _ = std::fs::remove_file(to);
    let result = std::fs::copy(from, to);
    result
        .map(|_| ())
        .map_err(|error| format!("{} cannot be copied to {}: {error}", from.display(), to.display()))
}

fn remove(file: &Path) -> Result<(), String> {
    std::fs::remove_file(file).map_err(|error| format!("{} stays: {error}", file.display()))
}

/// Reads a text.
pub(crate) fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))
}

/// Writes a text over what is there.
pub(crate) fn write(file: &Path, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|error| format!("{} cannot be written: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::{Features, declared};
    use crate::Failure;

    fn taken(words: &[&str]) -> Result<Features, Failure> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let (mut features, mut rest) = (Features::default(), words.iter());
        while let Some(word) = rest.next() {
            assert!(features.take(word, &mut rest)?);
        }
        Ok(features)
    }

    #[test]
    fn features_become_cargos_arguments_and_a_label() {
        let features = taken(&["--no-default-features", "--features", "flac,aws-chain"]).ok().unwrap();
        assert_eq!(features, Features::only(&["flac", "aws-chain"]));
        assert_eq!(features.arguments(), ["--no-default-features", "--features", "flac,aws-chain"]);
        assert_eq!(features.label(), "none+flac+aws-chain");
        assert_eq!(Features::default().arguments(), [""; 0]);
        assert!(matches!(taken(&["--features"]), Err(Failure::Usage(_))));
    }

    #[test]
    fn declared_functions_are_found_whatever_they_return() {
        let header = "x\nOSSICLE_API void b(\n    int x);\nOSSICLE_API OSSICLE_CHECK const char *a(void);\nvoid c(void);\n";
        assert_eq!(declared(header), ["a", "b"]);
    }
}
