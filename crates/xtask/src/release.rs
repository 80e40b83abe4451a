//! `cargo xtask release`: an archive with the C library, its headers, the licences of all that is in it, and a bill of
//! materials.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::library::{Features, Library, copy, make, read, write};
use crate::sbom::{About, sha256};
use crate::tree::Tree;
use crate::{Failure, Outcome, install, licences, parts, process, sbom, setup, size, test};

/// What else goes along, for a person.
const PAGES: [&str; 2] = ["README.md", "CHANGELOG.md"];
const BILL: &str = "share/ossicle";
const LICENCES: &str = "share/licenses/ossicle";

/// Makes the archive in `--out`, by default the folder `release` of the target folder.
pub(crate) fn run(tree: &Tree, arguments: &[String]) -> Outcome {
    let (mut out, mut features, mut may_install) =
        (tree.target.join("release-archive"), Features::default(), true);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--out" => {
                out = rest
                    .next()
                    .map(PathBuf::from)
                    .ok_or_else(|| Failure::Usage("--out needs a folder".into()))?;
            }
            "--no-install" => may_install = false,
            word if features.take(word, &mut rest)? => {}
            other => return Err(Failure::Usage(format!("release takes no {other:?}"))),
        }
    }
    setup::ensure(setup::BUILD, may_install)?;
    let archive = make_archive(tree, &features, &out)?;
    crate::answer(&archive.display().to_string());
    Ok(ExitCode::SUCCESS)
}

/// Builds, checks, packs, and reads back what was packed; returns the archive's path.
pub(crate) fn make_archive(tree: &Tree, features: &Features, out: &Path) -> Result<PathBuf, String> {
    let library = Library::dist(tree, features)?;
    library.check_names(tree)?;
    size::check(&library, features)?;

    let triple = test::host()?;
    let version = tree.version();
    let name = format!("ossicle-{version}-{triple}");
    let stage = tree.target.join("release-stage").join(&name);
    if stage.exists() {
        std::fs::remove_dir_all(&stage).map_err(|error| format!("{} stays: {error}", stage.display()))?;
    }
    install::install(tree, &library, features, &stage)?;
    for page in PAGES {
        copy(&tree.root.join(page), &stage.join(page))?;
    }
    let of_rust = licences::of_rust()?;
    let of_rust = of_rust.ok_or("this compiler brings no page with the licences of Rust's own library")?;
    write(&stage.join(LICENCES).join(licences::OF_RUST_FILE), &of_rust)?;

    let made_s = made_s(tree);
    let parts = parts::of(tree, features)?;
    let mut files = Vec::new();
    for path in files_below(&stage)? {
        if !path.is_symlink() {
            files.push((inside(&stage, &path), sha256(&bytes(&path)?)));
        }
    }
    let rustc = test::rustc().arg("-V").output()?;
    let rustc = rustc.split_whitespace().nth(1).unwrap_or_default();
    let label = features.label();
    let about = About { version: &version, triple: &triple, rustc, features: &label, made_s, files: &files };
    let bill = sbom::bill(&about, &parts)?;
    make(&stage.join(BILL))?;
    write(&stage.join(BILL).join(sbom::FILE), &format!("{bill:#}\n"))?;

    make(out)?;
    let archive = out.join(format!("{name}.tar.gz"));
    pack(&stage, &name, made_s, &archive)?;
    let packed = read_back(&archive)?;
    eprintln!("{}: {packed}", archive.display());
    let sum = format!("{}  {name}.tar.gz\n", sha256(&bytes(&archive)?));
    write(&out.join(format!("{name}.tar.gz.sha256")), &sum)?;
    Ok(archive)
}

/// When the sources were made, so that the same sources give the same archive.
fn made_s(tree: &Tree) -> u64 {
    let said = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse().ok());
    let commit = || {
        let log = process::Call::new("git").args(["log", "-1", "--format=%ct"]).current_dir(&tree.root);
        log.output().ok().and_then(|text| text.trim().parse().ok())
    };
    said.or_else(commit).unwrap_or(0)
}

/// All files and links below a folder, in order.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let unreadable = |error| format!("{} cannot be read: {error}", folder.display());
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        entries.push(entry.map_err(unreadable)?.path());
    }
    entries.sort();
    let mut files = Vec::new();
    for path in entries {
        if path.is_dir() && !path.is_symlink() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

fn inside(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

/// Packs a folder under a name: in order, with one time, and nobody's user.
fn pack(folder: &Path, name: &str, made_s: u64, archive: &Path) -> Result<(), String> {
    let fault = |error: std::io::Error| format!("{} cannot be written: {error}", archive.display());
    let file = File::create(archive).map_err(fault)?;
    let mut tar = tar::Builder::new(GzEncoder::new(file, Compression::best()));
    for path in files_below(folder)? {
        let mut header = tar::Header::new_gnu();
        header.set_mtime(made_s);
        let within = format!("{name}/{}", inside(folder, &path));
        if path.is_symlink() {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            header.set_mode(0o777);
            let to = std::fs::read_link(&path).map_err(fault)?;
            tar.append_link(&mut header, &within, &to).map_err(fault)?;
        } else {
            let content = bytes(&path)?;
            let is_library = within.contains(".so") || within.ends_with(".dylib") || within.ends_with(".dll");
            header.set_size(content.len() as u64);
            header.set_mode(if is_library { 0o755 } else { 0o644 });
            tar.append_data(&mut header, &within, content.as_slice()).map_err(fault)?;
        }
    }
    tar.into_inner().and_then(GzEncoder::finish).map(|_| ()).map_err(fault)
}

/// Reads an archive and holds it against its own bill of materials; returns what there is in a sentence.
///
/// Each file that the bill names is there with its hash; each file that is there is named; each crate of the registry is in
/// the page of licences; each dependency is a component.
pub(crate) fn read_back(archive: &Path) -> Result<String, String> {
    let fault = |error: std::io::Error| format!("{} cannot be read: {error}", archive.display());
    let mut tar = tar::Archive::new(GzDecoder::new(File::open(archive).map_err(fault)?));
    let (mut files, mut links) = (BTreeMap::new(), Vec::new());
    for entry in tar.entries().map_err(fault)? {
        let mut entry = entry.map_err(fault)?;
        let path = entry.path().map_err(fault)?.to_string_lossy().into_owned();
        let (_, within) = path.split_once('/').ok_or_else(|| format!("{path} is not in the one folder"))?;
        let within = within.to_owned();
        if let Some(to) = entry.link_name().map_err(fault)? {
            links.push((within, to.to_string_lossy().into_owned()));
            continue;
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(fault)?;
        files.insert(within, content);
    }

    let bill =
        files.remove(&format!("{BILL}/{}", sbom::FILE)).ok_or("the archive holds no bill of materials")?;
    let bill: Value =
        serde_json::from_slice(&bill).map_err(|error| format!("the bill is no JSON: {error}"))?;
    check_files(&bill, &files)?;
    for (link, to) in &links {
        let beside = Path::new(link).with_file_name(to).to_string_lossy().into_owned();
        if !files.contains_key(&beside) && !links.iter().any(|(other, _)| *other == beside) {
            return Err(format!("{link} points to {to}, which is not there"));
        }
    }
    let page = files.get(&format!("{LICENCES}/{}", licences::FILE)).ok_or("the archive holds no licences")?;
    let crates = check_components(&bill, &String::from_utf8_lossy(page))?;
    Ok(format!(
        "{} files, {} links, {crates} components in the bill of materials",
        files.len() + 1,
        links.len()
    ))
}

fn check_files(bill: &Value, files: &BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    let mut named = BTreeMap::new();
    for file in bill["metadata"]["component"]["components"].as_array().into_iter().flatten() {
        let (name, sum) = (file["name"].as_str(), file["hashes"][0]["content"].as_str());
        named.insert(name.unwrap_or_default(), sum.unwrap_or_default());
    }
    for (name, content) in files {
        match named.remove(name.as_str()) {
            None => return Err(format!("the bill does not name {name}")),
            Some(sum) if sum != sha256(content) => return Err(format!("{name} is not what the bill says")),
            Some(_) => {}
        }
    }
    match named.keys().next() {
        Some(name) => Err(format!("the bill names {name}, which is not there")),
        None => Ok(()),
    }
}

fn check_components(bill: &Value, page: &str) -> Result<usize, String> {
    let components = bill["components"].as_array().ok_or("the bill has no components")?;
    let mut known: Vec<&str> = components.iter().filter_map(|one| one["bom-ref"].as_str()).collect();
    known.extend(bill["metadata"]["component"]["bom-ref"].as_str());
    for dependency in bill["dependencies"].as_array().into_iter().flatten() {
        let uses = dependency["dependsOn"].as_array().into_iter().flatten();
        if let Some(unknown) = uses.filter_map(Value::as_str).find(|used| !known.contains(used)) {
            return Err(format!("{unknown} is used and is no component"));
        }
    }
    for component in components {
        let name = component["name"].as_str().unwrap_or_default();
        let line = format!("{name} {}", component["version"].as_str().unwrap_or_default());
        let is_foreign = component["purl"].is_string() && name != "rust-std";
        if component["licenses"][0]["expression"].as_str().is_none_or(str::is_empty) {
            return Err(format!("{line} has no licence in the bill"));
        }
        if is_foreign && page.matches(&line).count() < 2 {
            return Err(format!("{line} and its licence text are not in {}", licences::FILE));
        }
    }
    Ok(components.len())
}

/// Unpacks an archive into a folder that is then its prefix.
pub(crate) fn unpack(archive: &Path, folder: &Path) -> Result<PathBuf, String> {
    let fault = |error: std::io::Error| format!("{} cannot be unpacked: {error}", archive.display());
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(fault)?;
    }
    make(folder)?;
    tar::Archive::new(GzDecoder::new(File::open(archive).map_err(fault)?)).unpack(folder).map_err(fault)?;
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    Ok(folder.join(name.trim_end_matches(".tar.gz")))
}

/// The bill in an unpacked archive.
pub(crate) fn bill_of(prefix: &Path) -> Result<PathBuf, String> {
    let bill = prefix.join(BILL).join(sbom::FILE);
    read(&bill).map(|_| bill)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{pack, read_back, unpack};
    use crate::sbom::sha256;

    const BILL: &str = "share/ossicle/ossicle.cdx.json";
    const PAGE: &str = "share/licenses/ossicle/THIRD-PARTY.txt";

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let folder = std::env::temp_dir().join(format!("xtask-release-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&folder);
            Folder(folder)
        }

        fn write(&self, file: &str, text: &str) {
            let path = self.0.join("stage").join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }

        fn packed(&self) -> Result<String, String> {
            let archive = self.0.join("a-1.tar.gz");
            pack(&self.0.join("stage"), "a-1", 7, &archive)?;
            read_back(&archive)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn bill(library: &str, uses: &str, page: &str) -> String {
        let file = |name: &str, sum: &str| serde_json::json!({"type": "file", "name": name, "hashes": [{"alg": "SHA-256", "content": sum}]});
        serde_json::json!({
            "metadata": {"component": {"bom-ref": "a", "components": [
                file("lib/libx.so.1.0", &sha256(library.as_bytes())), file(PAGE, &sha256(page.as_bytes())),
            ]}},
            "components": [{"bom-ref": "b", "name": "b", "version": "1", "purl": "pkg:cargo/b@1",
                            "licenses": [{"expression": "MIT"}]}],
            "dependencies": [{"ref": "a", "dependsOn": [uses]}],
        })
        .to_string()
    }

    const GOOD_PAGE: &str = "b 1 MIT\n===\nb 1:\ntext\n";

    fn good(name: &str) -> Folder {
        let folder = Folder::new(name);
        folder.write("lib/libx.so.1.0", "library");
        folder.write(PAGE, GOOD_PAGE);
        folder.write(BILL, &bill("library", "b", GOOD_PAGE));
        folder
    }

    #[test]
    #[cfg(unix)]
    fn an_archive_reads_back_as_it_was_packed_links_and_all() {
        let folder = good("good");
        std::os::unix::fs::symlink("libx.so.1.0", folder.0.join("stage/lib/libx.so")).unwrap();
        assert_eq!(folder.packed().unwrap(), "3 files, 1 links, 1 components in the bill of materials");
        let first = std::fs::read(folder.0.join("a-1.tar.gz")).unwrap();
        folder.packed().unwrap();
        assert!(
            std::fs::read(folder.0.join("a-1.tar.gz")).unwrap() == first,
            "the same sources, the same archive"
        );
        let prefix = unpack(&folder.0.join("a-1.tar.gz"), &folder.0.join("out")).unwrap();
        assert_eq!(std::fs::read_link(prefix.join("lib/libx.so")).unwrap(), Path::new("libx.so.1.0"));
        assert_eq!(std::fs::read_to_string(prefix.join(PAGE)).unwrap(), GOOD_PAGE);
    }

    #[test]
    fn what_does_not_fit_the_bill_is_found() {
        let changed = good("changed");
        changed.write("lib/libx.so.1.0", "another");
        assert!(changed.packed().unwrap_err().contains("is not what the bill says"));
        let more = good("more");
        more.write("lib/more", "");
        assert!(more.packed().unwrap_err().contains("does not name lib/more"));
        let unknown = good("unknown");
        unknown.write(BILL, &bill("library", "c", GOOD_PAGE));
        assert!(unknown.packed().unwrap_err().contains("c is used and is no component"));
        let silent = good("silent");
        silent.write(PAGE, "nothing");
        silent.write(BILL, &bill("library", "b", "nothing"));
        assert!(silent.packed().unwrap_err().contains("are not in THIRD-PARTY.txt"));
    }
}
