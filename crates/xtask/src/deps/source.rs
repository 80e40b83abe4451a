//! The rule that unsafe code is in one crate, read from the sources themselves: a lint can be switched off in a file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The one crate that may use `unsafe`: the C border.
const UNSAFE_CRATE: &str = "ossicle-capi";

/// Files elsewhere that may use it, from the root, with the reason. Test targets only.
const ALLOWED: &[(&str, &str)] = &[
    ("fuzz/src/c_api/mod.rs", "a caller in C, written in Rust: it hands over pointers"),
    ("fuzz/src/c_api/answers.rs", "it reads what the library points to"),
    ("fuzz/src/c_api/arguments.rs", "its structs begin with a size that may be wrong"),
];

/// Folders that hold Rust sources of ours.
const FOLDERS: [&str; 3] = ["crates", "benches", "fuzz"];

const FORBID: &str = "#![forbid(unsafe_code)]";

/// A sentence for each file that breaks the rule. `roots` are package names with the first file of a target.
pub(super) fn faults(root: &Path, roots: &[(&str, &str)]) -> Result<Vec<String>, String> {
    faults_but(root, roots, ALLOWED)
}

fn faults_but(root: &Path, roots: &[(&str, &str)], allowed: &[(&str, &str)]) -> Result<Vec<String>, String> {
    let mut faults = Vec::new();
    for (package, file) in roots.iter().filter(|(package, _)| *package != UNSAFE_CRATE) {
        if !code_of(&read(Path::new(file))?).contains(FORBID) {
            let file = Path::new(file).strip_prefix(root).unwrap_or(Path::new(file));
            faults.push(format!("{package}: {} lacks {FORBID}", file.display()));
        }
    }

    let mut allowed: BTreeSet<&str> = allowed.iter().map(|(file, _)| *file).collect();
    let mut files = Vec::new();
    for folder in FOLDERS {
        collect(&root.join(folder), &mut files)?;
    }
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        let lines = unsafe_lines(&read(&file)?);
        if lines.is_empty()
            || name.starts_with(&format!("crates/{UNSAFE_CRATE}/"))
            || allowed.remove(name.as_str())
        {
            continue;
        }
        faults.push(format!("{name}:{} is unsafe code: only {UNSAFE_CRATE} may hold it", lines[0]));
    }
    faults.extend(
        allowed
            .iter()
            .map(|file| format!("{file} has no unsafe code: take it off the list in deps/source.rs")),
    );
    Ok(faults)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    if !folder.is_dir() {
        return Ok(());
    }
    let unreadable = |error| format!("{} cannot be read: {error}", folder.display());
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        entries.push(entry.map_err(unreadable)?.path());
    }
    entries.sort();
    for path in entries {
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))
}

/// The lines, from 1, on which the keyword stands in code.
fn unsafe_lines(source: &str) -> Vec<usize> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let code = code_of(source);
    let words = |line: &str| line.split(|character| !is_word(character)).any(|word| word == "unsafe");
    code.lines().enumerate().filter(|(_, line)| words(line)).map(|(at, _)| at + 1).collect()
}

/// The source with comments and the insides of literals blanked, line by line.
fn code_of(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut code = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_end(bytes, at);
        if end > at {
            code.extend(bytes[at..end].iter().map(|&byte| if byte == b'\n' { b'\n' } else { b' ' }));
            at = end;
        } else {
            code.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&code).into_owned()
}

/// Where the comment or literal that begins at `at` ends; `at` itself if none begins there.
fn literal_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let previous = at.checked_sub(1).map(|before| bytes[before]);
    let inside_word = previous.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match rest {
        [b'/', b'/', ..] => at + rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => at + block_comment(rest),
        [b'"', ..] => at + quoted(rest, b'"'),
        [b'r', b'"' | b'#', ..] if !inside_word => at + raw_string(&rest[1..]).map_or(0, |length| length + 1),
        [b'b' | b'c', b'r', b'"' | b'#', ..] if !inside_word => {
            at + raw_string(&rest[2..]).map_or(0, |length| length + 2)
        }
        [b'\'', b'\\', ..] => at + quoted(rest, b'\''),
        // A character, and not a lifetime: the closing quote follows one character, of at most four bytes.
        [b'\'', ..] => {
            let close = rest.iter().skip(2).take(4).position(|&byte| byte == b'\'').map(|close| close + 2);
            let one = |close: &usize| {
                std::str::from_utf8(&rest[1..*close]).is_ok_and(|text| text.chars().count() == 1)
            };
            at + close.filter(one).map_or(0, |close| close + 1)
        }
        _ => at,
    }
}

/// The length of a block comment; they nest.
fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// The length of a literal between two quotes, with escapes.
fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of a raw string from its first `#` or quote. None for a raw identifier.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let hashes = rest.iter().take_while(|&&byte| byte == b'#').count();
    if rest.get(hashes) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    let body = &rest[hashes + 1..];
    let end = body.windows(close.len()).position(|window| window == close);
    Some(end.map_or(rest.len(), |end| hashes + 1 + end + close.len()))
}

#[cfg(test)]
mod tests {
    use super::{FORBID, code_of, faults_but, unsafe_lines};

    #[test]
    fn code_is_found_and_its_line_told() {
        assert_eq!(unsafe_lines("fn f() {\n    unsafe { g() }\n}\n"), [2]);
        assert_eq!(unsafe_lines("#[unsafe(no_mangle)]\nextern \"C\" fn f() {}"), [1]);
        assert_eq!(unsafe_lines("let s = \"\\\"\"; unsafe impl Send for A {}"), [1]);
    }

    #[test]
    fn words_that_are_no_code_are_passed_over() {
        for source in [
            "// unsafe",
            "/// unsafe\nfn f() {}",
            "/* a /* nested */ unsafe */ fn f() {}",
            "let s = \"unsafe\";",
            "let s = \"a \\\" unsafe\";",
            "let s = r#\"a \" unsafe\"#;",
            "let s = br\"\\\"; let t = b\"unsafe\";",
            "#![forbid(unsafe_code)]",
            "let not_unsafe = 1;",
        ] {
            assert_eq!(unsafe_lines(source), [0; 0], "{source}");
        }
    }

    #[test]
    fn quotes_and_lifetimes_do_not_hide_what_follows() {
        for source in [
            "let c = '\"'; unsafe {}",
            "let c = '\\''; unsafe {}",
            "fn f<'a>(s: &'a str) { unsafe {} }",
            "let c = 'é'; unsafe {}",
            "let r#type = 1; unsafe {}",
            "let bar\"\" = 1; unsafe {}",
        ] {
            assert_eq!(unsafe_lines(source), [1], "{source}");
        }
    }

    #[test]
    fn a_forbid_in_a_comment_does_not_count() {
        assert!(!code_of(&format!("// {FORBID}")).contains(FORBID));
        assert!(code_of(&format!("//! Page.\n{FORBID}\n")).contains(FORBID));
    }

    #[test]
    fn a_tree_with_faults_is_told_each_of_them() {
        let root = std::env::temp_dir().join(format!("xtask-source-{}", std::process::id()));
        let write = |file: &str, text: &str| {
            let path = root.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let good = write("crates/good/src/lib.rs", FORBID);
        let bad = write("crates/bad/src/lib.rs", "fn f() {}");
        write("crates/bad/tests/t.rs", "\nunsafe fn f() {}");
        let border = write("crates/ossicle-capi/src/lib.rs", "unsafe fn f() {}");
        let roots = [("good", good.as_str()), ("bad", &bad), ("ossicle-capi", &border)];
        let allowed = [("crates/bad/tests/allowed.rs", "a reason"), ("crates/bad/tests/gone.rs", "a reason")];
        write("crates/bad/tests/allowed.rs", "unsafe fn f() {}");
        let faults = faults_but(&root, &roots, &allowed).unwrap();
        std::fs::remove_dir_all(&root).unwrap();
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(faults[0].contains("bad: crates/bad/src/lib.rs lacks"), "{}", faults[0]);
        assert!(faults[1].starts_with("crates/bad/tests/t.rs:2 is unsafe code"), "{}", faults[1]);
        assert!(faults[2].starts_with("crates/bad/tests/gone.rs has no unsafe code"), "{}", faults[2]);
    }
}
