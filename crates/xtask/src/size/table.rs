//! What is in a library: bytes by crate, from the symbols of a build that was not stripped.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::process::Call;
use crate::tree::Tree;

/// Rows of the table; what is smaller is added up in the last one.
const ROWS_MAX: usize = 28;

/// Code and data, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bytes {
    code: u64,
    data: u64,
}

/// The table for a library of the profile `dist`.
pub(super) fn of(tree: &Tree, library: &Path) -> Result<String, String> {
    let owners = c_owners(tree)?;
    let symbols =
        Call::new("nm").args(["--print-size", "--demangle", "--defined-only"]).arg(library).output()?;
    let mut by_crate: BTreeMap<String, Bytes> = BTreeMap::new();
    for (bytes, is_code, name) in symbols.lines().filter_map(symbol) {
        let row = by_crate.entry(owner(name, &owners)).or_default();
        if is_code { row.code += bytes } else { row.data += bytes }
    }
    let sections = Call::new("size").args(["-A", "-d"]).arg(library).output()?;
    Ok(format!("{}\n{}", rows(by_crate), sections_of(&sections)))
}

/// Size, whether it is code, and the name: of a line `ADDRESS SIZE TYPE NAME`.
fn symbol(line: &str) -> Option<(u64, bool, &str)> {
    let mut words = line.splitn(4, ' ');
    let (_, size, kind, name) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let bytes = u64::from_str_radix(size, 16).ok()?;
    // What is zero at the start takes no room in the file.
    let is_data = matches!(kind, "r" | "R" | "d" | "D" | "V" | "u");
    let is_code = matches!(kind, "t" | "T" | "w" | "W" | "i");
    (is_code || is_data).then_some((bytes, is_code, name))
}

/// Which crate's C code defines a name: from the archives that build scripts made.
fn c_owners(tree: &Tree) -> Result<HashMap<String, String>, String> {
    let mut owners = HashMap::new();
    let build = tree.target.join("dist/build");
    for folder in list(&build)? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some((owner, _hash)) = name.rsplit_once('-') else { continue };
        for archive in archives(&folder.join("out"))? {
            let symbols = Call::new("nm").args(["--defined-only"]).arg(&archive).output()?;
            for line in symbols.lines() {
                if let Some(name) = line.split(' ').nth(2) {
                    owners.insert(name.to_owned(), owner.to_owned());
                }
            }
        }
    }
    Ok(owners)
}

/// Folders deep that build scripts put archives: what cmake made lies below `out`.
const DEPTH_MAX: usize = 4;

fn archives(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_path_buf(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for path in list(&folder)? {
            if path.is_dir() && depth < DEPTH_MAX {
                folders.push((path, depth + 1));
            } else if path.extension().is_some_and(|extension| extension == "a") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// What is in a folder; nothing when there is none.
fn list(folder: &Path) -> Result<Vec<PathBuf>, String> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let unreadable = |error| format!("{} cannot be read: {error}", folder.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    Ok(paths)
}

/// Rust's own crates are one row.
const OF_RUST: [&str; 9] = [
    "std",
    "core",
    "alloc",
    "std_detect",
    "gimli",
    "addr2line",
    "rustc_demangle",
    "hashbrown",
    "miniz_oxide",
];

fn owner(name: &str, c_owners: &HashMap<String, String>) -> String {
    if let Some(owner) = c_owners.get(name) {
        return owner.clone();
    }
    if !name.contains("::") {
        return "C without a known origin".into();
    }
    let own = first_crate(name);
    // What drops, moves or sorts a value is counted where the value comes from.
    let of_value =
        || name.split(['<', '>', ',', '(', ' ', '&']).skip(1).map(first_crate).find(|own| !is_rusts(own));
    let own = if is_rusts(own) { of_value().unwrap_or(own) } else { own };
    if is_rusts(own) { "Rust's standard library".into() } else { own.into() }
}

fn is_rusts(name: &str) -> bool {
    name.is_empty() || OF_RUST.contains(&name)
}

/// The crate at the beginning of a path, past what may stand before it; empty when there is no path.
fn first_crate(name: &str) -> &str {
    let name = name.trim_start_matches(['<', '&', '*', '[', '(', '_']);
    let name =
        ["mut ", "const ", "dyn "].iter().fold(name, |name, word| name.strip_prefix(word).unwrap_or(name));
    let end = name.find(|each: char| !each.is_ascii_alphanumeric() && each != '_').unwrap_or(name.len());
    if name[end..].starts_with("::") || name[end..].starts_with('[') { &name[..end] } else { "" }
}

fn rows(by_crate: BTreeMap<String, Bytes>) -> String {
    let mut rows: Vec<(String, Bytes)> = by_crate.into_iter().collect();
    rows.sort_by_key(|(_, bytes)| std::cmp::Reverse(bytes.code + bytes.data));
    let all: u64 = rows.iter().map(|(_, bytes)| bytes.code + bytes.data).sum();
    let mut table = format!("{:<28} {:>10} {:>10} {:>7}\n", "crate", "code", "data", "share");
    let mut line = |name: &str, bytes: Bytes| {
        let share = 100.0 * (bytes.code + bytes.data) as f64 / all.max(1) as f64;
        let _ = writeln!(table, "{name:<28} {:>10} {:>10} {share:>6.1}%", bytes.code, bytes.data);
    };
    let mut rest = Bytes::default();
    for (at, (name, bytes)) in rows.iter().enumerate() {
        if at < ROWS_MAX {
            line(name, *bytes);
        } else {
            (rest.code, rest.data) = (rest.code + bytes.code, rest.data + bytes.data);
        }
    }
    line(&format!("{} more", rows.len().saturating_sub(ROWS_MAX)), rest);
    table
}

/// The sections that make the file, largest first. Constants without a name are in `.rodata` alone.
fn sections_of(printed: &str) -> String {
    let mut sections: Vec<(&str, u64)> = Vec::new();
    for line in printed.lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(size)) = (words.next(), words.next().and_then(|size| size.parse().ok())) {
            sections.push((name, size));
        }
    }
    sections.retain(|(name, _)| name.starts_with('.') && *name != ".bss" && *name != ".tbss");
    sections.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    let words: Vec<String> = sections.iter().take(8).map(|(name, size)| format!("{name} {size}")).collect();
    format!("sections: {}", words.join(", "))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{owner, sections_of, symbol};

    #[test]
    fn names_are_counted_where_their_code_or_value_comes_from() {
        let c = HashMap::from([("FLAC__bitwriter_new".to_owned(), "libflac-sys".to_owned())]);
        for (name, crate_name) in [
            ("tokio::runtime::park::CachedParkThread::park", "tokio"),
            ("<h2::proto::Error as core::fmt::Debug>::fmt", "h2"),
            ("<&mut h2::frame::Head as core::fmt::Debug>::fmt", "h2"),
            ("core::ptr::drop_in_place<rustls::client::Connection>", "rustls"),
            ("core::ptr::drop_in_place<alloc::vec::Vec<http::Header>>", "http"),
            ("<alloc::vec::Vec<T> as core::clone::Clone>::clone", "Rust's standard library"),
            ("FLAC__bitwriter_new", "libflac-sys"),
            ("memcpy_of_somebody", "C without a known origin"),
        ] {
            assert_eq!(owner(name, &c), crate_name, "{name}");
        }
    }

    #[test]
    fn lines_of_nm_are_read_and_what_takes_no_room_is_not_counted() {
        assert_eq!(symbol("0010 00ff t a::b<c, d>"), Some((255, true, "a::b<c, d>")));
        assert_eq!(symbol("0010 00ff r A"), Some((255, false, "A")));
        assert_eq!(symbol("0010 00ff b A"), None);
        assert_eq!(symbol("0010 T main"), None);
    }

    #[test]
    fn sections_come_largest_first() {
        let printed = "lib.so  :\nsection size addr\n.bss 9000 1\n.data 5 1\n.text 70 1\nTotal 75\n";
        assert_eq!(sections_of(printed), "sections: .text 70, .data 5");
    }
}
