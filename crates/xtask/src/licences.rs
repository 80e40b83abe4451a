//! The third-party licences that go with the C library: a list of what is in it, and each text once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::library::{Features, read};
use crate::parts::{self, Part, VENDORED};
use crate::test;
use crate::tree::Tree;

/// The file's name.
pub(crate) const FILE: &str = "THIRD-PARTY.txt";

/// The page of licences that comes with Rust's own library, from the compiler's folder.
const OF_RUST: &str = "share/doc/rust/COPYRIGHT-library.html";
/// Its name in a release.
pub(crate) const OF_RUST_FILE: &str = "RUST-LIBRARY.html";

/// How files with licences are called; compared without regard to case.
const FILE_NAMES: [&str; 6] = ["license", "licence", "copying", "copyright", "notice", "unlicense"];

/// Crates whose package holds no licence file: the line of their copyright. Their licence is MIT, whose text is known.
const WITHOUT_FILE: [(&str, &str); 2] =
    [("base64-simd", "Copyright (c) Nugine"), ("vsimd", "Copyright (c) Nugine")];

const MIT: &str = "\
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the \"Software\"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
";

/// The whole text for a build with these features.
pub(crate) fn text(tree: &Tree, features: &Features) -> Result<String, String> {
    let parts = parts::of(tree, features)?;
    let foreign: Vec<&Part> = parts.iter().filter(|part| part.checksum.is_some()).collect();
    let mut page = String::from(
        "Software of others in the Ossicle library. Ossicle itself is under the MIT licence or the Apache licence 2.0,\n\
         at your choice: LICENSE-MIT and LICENSE-APACHE, beside this file.\n\n",
    );
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for part in &foreign {
        let name = format!("{} {}", part.id.name, part.id.version);
        let _ = writeln!(page, "  {name:<40} {}", part.licence);
        for text in of_part(part)? {
            texts.entry(text).or_default().push(name.clone());
        }
        for code in VENDORED.iter().filter(|code| code.crate_name == part.id.name) {
            let name = format!("{} {}", code.name, code.version(part)?);
            let _ = writeln!(page, "  {name:<40} {}", code.licence);
            for file in code.licence_files {
                texts.entry(tidy(&read(&part.folder.join(file))?)).or_default().push(name.clone());
            }
        }
    }
    let _ = writeln!(page, "  {:<40} MIT OR Apache-2.0, and of what it holds: {OF_RUST_FILE}", rust()?);

    let mut texts: Vec<(String, Vec<String>)> = texts.into_iter().collect();
    texts.sort_by(|a, b| a.1.cmp(&b.1));
    for (text, names) in texts {
        let _ = write!(page, "\n{}\n{}:\n\n{text}", "=".repeat(100), names.join(", "));
    }
    Ok(page)
}

/// Rust's own library, by the compiler's name and version.
fn rust() -> Result<String, String> {
    let answer = test::rustc().arg("-V").output()?;
    let version = answer.split_whitespace().nth(1).unwrap_or_default();
    Ok(format!("Rust's standard library {version}"))
}

/// The licences inside of Rust's own library, where the compiler brought them.
pub(crate) fn of_rust() -> Result<Option<String>, String> {
    let sysroot = test::rustc().args(["--print", "sysroot"]).output()?;
    let page = Path::new(sysroot.trim()).join(OF_RUST);
    if page.is_file() { read(&page).map(Some) } else { Ok(None) }
}

fn of_part(part: &Part) -> Result<Vec<String>, String> {
    let unreadable = |error| format!("{} cannot be read: {error}", part.folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&part.folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if path.is_file() && FILE_NAMES.iter().any(|start| name.starts_with(start)) {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        let (name, licence) = (&part.id.name, &part.licence);
        let known = WITHOUT_FILE.iter().find(|(of, _)| of == name).filter(|_| licence == "MIT");
        let (_, copyright) = known.ok_or_else(|| {
            format!(
                "{name} ({licence}) brings no licence file: find its text and name it in xtask's licences.rs"
            )
        })?;
        return Ok(vec![format!("MIT License\n\n{copyright}\n\n{MIT}")]);
    }
    files.iter().map(|file| read(file).map(|text| tidy(&text))).collect()
}

/// With one kind of line ends and none to spare, so that equal texts are equal.
fn tidy(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let text = lines.join("\n");
    format!("{}\n", text.trim_matches('\n'))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{of_part, tidy};
    use crate::parts::{Id, Part};

    fn part(name: &str, licence: &str, folder: PathBuf) -> Part {
        let id = Id { name: name.into(), version: "1.0.0".into() };
        let (repository, checksum, uses) = (None, None, Default::default());
        Part { id, licence: licence.into(), folder, repository, checksum, uses }
    }

    #[test]
    fn every_licence_file_of_a_crate_is_taken_and_a_crate_without_one_is_found_out() {
        let folder = std::env::temp_dir().join(format!("xtask-licences-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for (file, text) in [("LICENSE-MIT", "mit\r\n"), ("Notice.txt", "notice"), ("README.md", "no")] {
            std::fs::write(folder.join(file), text).unwrap();
        }
        let texts = of_part(&part("a", "MIT", folder.clone())).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(texts, ["mit\n", "notice\n"]);

        std::fs::create_dir_all(&folder).unwrap();
        let error = of_part(&part("a", "MIT", folder.clone())).unwrap_err();
        let known = of_part(&part("vsimd", "MIT", folder.clone())).unwrap();
        let changed = of_part(&part("vsimd", "GPL-3.0", folder.clone()));
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(error.contains("brings no licence file"), "{error}");
        assert!(known[0].contains("Copyright (c) Nugine"), "{}", known[0]);
        assert!(changed.is_err());
    }

    #[test]
    fn line_ends_make_no_difference() {
        assert_eq!(tidy("\r\na \r\nb\r\n\r\n"), tidy("a\nb"));
    }
}
