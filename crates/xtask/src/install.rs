//! `cargo xtask install`: the C library where C and C++ programs find it, by CMake, pkg-config or hand.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::library::{Features, Library, copy, make, read, write};
use crate::tree::Tree;
use crate::{Failure, Outcome, licences, setup};

/// Where the headers and the templates lie in the tree.
const HEADERS: [&str; 2] = ["include/ossicle.h", "bindings/cpp/include/ossicle.hpp"];
const PKG_CONFIG: &str = "bindings/c/pkgconfig";
const CMAKE: &str = "bindings/c/cmake";
const OUR_LICENCES: [&str; 2] = ["LICENSE-MIT", "LICENSE-APACHE"];

/// Builds what is shipped and installs it below `--prefix`.
pub(crate) fn run(tree: &Tree, arguments: &[String]) -> Outcome {
    let (mut prefix, mut features, mut may_install) = (None, Features::default(), true);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--prefix" => prefix = rest.next().map(PathBuf::from),
            "--no-install" => may_install = false,
            word if features.take(word, &mut rest)? => {}
            other => return Err(Failure::Usage(format!("install takes no {other:?}"))),
        }
    }
    let prefix = prefix.ok_or_else(|| Failure::Usage("install needs --prefix FOLDER".into()))?;
    setup::ensure(setup::BUILD, may_install)?;
    let prefix = std::path::absolute(&prefix).map_err(|error| error.to_string())?;
    eprintln!("Building the C library in the profile dist; the first build takes some minutes.");
    let library = Library::dist(tree, &features)?;
    library.check_names(tree)?;
    install(tree, &library, &features, &prefix)?;
    eprintln!(
        "Installed the C library, its headers, its CMake package and its pkg-config file in {}",
        prefix.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// Puts a build and all that belongs to it below `prefix`, over what is there.
pub(crate) fn install(
    tree: &Tree,
    library: &Library,
    features: &Features,
    prefix: &Path,
) -> Result<(), String> {
    let lib = prefix.join("lib");
    let include = prefix.join("include");
    let licences = prefix.join("share/licenses/ossicle");
    let (cmake, pkg_config) = (lib.join("cmake/ossicle"), lib.join("pkgconfig"));
    let shared = prefix.join(shared_folder());
    for folder in [&shared, &include, &licences, &cmake, &pkg_config] {
        make(folder)?;
    }

    let names = &library.names;
    copy(&library.shared, &shared.join(&names.shared))?;
    copy(&library.archive, &lib.join(&names.archive))?;
    for (link, to) in &names.links {
        symbolic_link(to, &lib.join(link))?;
    }
    if let Some((built, installed)) = &names.import {
        copy(&library.shared.with_file_name(built), &lib.join(installed))?;
    }
    for header in HEADERS {
        let name = Path::new(header).file_name().unwrap_or_default();
        copy(&tree.root.join(header), &include.join(name))?;
    }
    for (folder, into) in [(CMAKE, &cmake), (PKG_CONFIG, &pkg_config)] {
        for (name, text) in templates(&tree.root.join(folder))? {
            write(&into.join(name), &filled(&text, library, &tree.version())?)?;
        }
    }
    for name in OUR_LICENCES {
        copy(&tree.root.join(name), &licences.join(name))?;
    }
    write(&licences.join(licences::FILE), &licences::text(tree, features)?)
}

/// Windows looks for a DLL beside the program.
fn shared_folder() -> &'static str {
    if cfg!(windows) { "bin" } else { "lib" }
}

/// The templates of a folder: the name without `.in`, and the text.
fn templates(folder: &Path) -> Result<Vec<(String, String)>, String> {
    let unreadable = |error| format!("{} cannot be read: {error}", folder.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(name) = name.strip_suffix(".in") {
            found.push((name.to_owned(), read(&path)?));
        }
    }
    if found.is_empty() {
        return Err(format!("{} holds no template", folder.display()));
    }
    Ok(found)
}

/// A template with its `@NAMES@` replaced. One that is not known is an error: it would reach a user's build.
fn filled(template: &str, library: &Library, version: &str) -> Result<String, String> {
    let names = &library.names;
    let import = names.import.as_ref().map(|(_, installed)| installed.as_str()).unwrap_or_default();
    let mut text = template.to_owned();
    for (name, value) in [
        ("@VERSION@", version),
        ("@SHARED_FOLDER@", shared_folder()),
        ("@SHARED@", &names.shared),
        ("@LOADED@", &names.loaded),
        ("@IMPORT@", import),
        ("@ARCHIVE@", &names.archive),
        ("@NATIVE@", &library.native.join(" ")),
        ("@NATIVE_CMAKE@", &for_cmake(&library.native)),
        ("@POINTER_BYTES@", &size_of::<usize>().to_string()),
    ] {
        text = text.replace(name, value);
    }
    match text.split('@').nth(1) {
        Some(left) => Err(format!("a template asks for @{left}@, which install does not know")),
        None => Ok(text),
    }
}

/// As a list of CMake; `-framework X` is one item of it.
fn for_cmake(native: &[String]) -> String {
    native.join(";").replace("-framework;", "-framework ")
}

#[cfg(unix)]
fn symbolic_link(to: &str, link: &Path) -> Result<(), String> {
    let _ = std::fs::remove_file(link);
    std::os::unix::fs::symlink(to, link)
        .map_err(|error| format!("{} cannot be made: {error}", link.display()))
}

/// There are no links among the names of such a system.
#[cfg(not(unix))]
fn symbolic_link(_: &str, link: &Path) -> Result<(), String> {
    Err(format!("{} would be a link, which this system does not have", link.display()))
}

#[cfg(test)]
mod tests {
    use super::for_cmake;

    #[test]
    fn a_framework_stays_with_its_option() {
        let native = ["-lm", "-framework", "Security", "-lc"].map(str::to_owned);
        assert_eq!(for_cmake(&native), "-lm;-framework Security;-lc");
    }
}
