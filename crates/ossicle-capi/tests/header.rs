//! `include/ossicle.h` is what cbindgen makes of this crate, and reads as the rules say.
//!
//! `OSSICLE_BLESS=1 cargo test -p ossicle-capi --test header` (or `cargo xtask header`) writes it anew.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The files whose items make the header, in the order in which they stand there.
const FILES: [&str; 10] = [
    "constants.rs",
    "border.rs",
    "config.rs",
    "results.rs",
    "event.rs",
    "about.rs",
    "engine.rs",
    "session.rs",
    "push.rs",
    "call.rs",
];

const CHAPTER: &str = include_str!("header_chapter.txt");

fn crate_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn header_path() -> PathBuf {
    crate_folder().join("../../include/ossicle.h")
}

fn generate() -> String {
    let mut config = cbindgen::Config {
        language: cbindgen::Language::C,
        cpp_compat: true,
        style: cbindgen::Style::Both,
        usize_is_size_t: true,
        documentation_style: cbindgen::DocumentationStyle::C,
        line_length: 110,
        tab_width: 2,
        header: Some(CHAPTER.trim_end().to_owned()),
        include_guard: Some("OSSICLE_H".to_owned()),
        no_includes: true,
        after_includes: Some(EXPORT.trim_end().to_owned()),
        sys_includes: vec!["stddef.h".to_owned(), "stdint.h".to_owned()],
        ..cbindgen::Config::default()
    };
    config.function.prefix = Some("OSSICLE_API".to_owned());
    config.function.must_use = Some("OSSICLE_CHECK".to_owned());
    config.function.args = cbindgen::Layout::Auto;
    config.function.sort_by = Some(cbindgen::SortKey::None);
    config.constant.sort_by = Some(cbindgen::SortKey::None);
    config.export.exclude = ["ossicle_status", "ossicle_test_panic"].map(str::to_owned).to_vec();
    config.defines.insert("feature = test-hooks".to_owned(), "OSSICLE_TEST_HOOKS".to_owned());
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in FILES {
        let path = crate_folder().join("src").join(file);
        if path.exists() {
            builder = builder.with_src(path);
        }
    }
    let mut bytes = Vec::new();
    builder.generate().expect("cbindgen reads the sources").write(&mut bytes);
    tidy(&String::from_utf8(bytes).expect("cbindgen writes UTF-8"))
}

const EXPORT: &str = r"
#if defined(_WIN32) && defined(OSSICLE_SHARED)
#define OSSICLE_API __declspec(dllimport)
#elif defined(__GNUC__)
#define OSSICLE_API __attribute__((visibility(\042default\042)))
#else
#define OSSICLE_API
#endif
#if defined(__GNUC__)
#define OSSICLE_CHECK __attribute__((warn_unused_result))
#else
#define OSSICLE_CHECK
#endif

/* What became of a call or a session. Fixed width; values are frozen. The ranges say who has to act: 1xx nobody,
 * 2xx the caller, 3xx the identity or the clock, 4xx the service, 5xx the network, 9xx Ossicle. */
typedef int32_t ossicle_status;
";

/// What cbindgen cannot be told: quotes in the export macro, short comments on one line, constants of one group together.
fn tidy(text: &str) -> String {
    let text = text
        .replace("\\042", "\"")
        .replace(" // __cplusplus", "")
        .replace("  // __cplusplus", "")
        .replace("  // extern \"C\"", "");
    let mut out: Vec<String> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "/*" {
            let indent = " ".repeat(line.len() - 2);
            let body = lines.by_ref().take_while(|next| next.trim() != "*/");
            let body: Vec<&str> = body.map(|next| next.trim().trim_start_matches('*').trim()).collect();
            let joined = body.join(&format!("\n{indent} * "));
            out.push(format!("{indent}/* {joined} */"));
        } else if let Some((name, value)) = line
            .strip_prefix("#define ")
            .and_then(|rest| rest.split_once(' '))
            .filter(|(_, v)| v.starts_with('-'))
        {
            out.push(format!("#define {name} ({value})"));
        } else if line.starts_with("OSSICLE_API") {
            let mut words = line.to_owned();
            while !words.ends_with(';') {
                words += " ";
                words += lines.next().expect("a declaration ends").trim();
            }
            out.push(declaration(&words));
        } else if line.starts_with("typedef struct") {
            out.push(line.to_owned());
        } else if !(line.trim().is_empty() && out.last().is_none_or(|last| last.is_empty())) {
            out.push(line.trim_end().replace("struct ossicle_", "ossicle_"));
        }
    }
    group_constants(out).join("\n") + "\n"
}

/// A function on one line, or with one line more for each parameter where that is too long.
fn declaration(words: &str) -> String {
    let words = words.replace("struct ossicle_", "ossicle_");
    if words.len() <= LINE {
        return words;
    }
    let (head, parameters) = words.split_once('(').expect("a function has parameters");
    format!("{head}(\n    {}", parameters.replace(", ", ",\n    "))
}

const LINE: usize = 110;

/// Takes the blank line out between two constants whose names begin alike.
fn group_constants(lines: Vec<String>) -> Vec<String> {
    let group = |line: &String| {
        let name = line.strip_prefix("#define OSSICLE_")?;
        let (whole, value) = name.split_once(' ')?;
        let is_status = ossicle_core::Status::ALL.iter().any(|status| status.name() == whole);
        let first = whole.split('_').next().unwrap_or_default();
        // Statuses stand together by their hundreds.
        Some(if is_status {
            format!("status {}", value.len() * 10 + value.as_bytes()[0] as usize)
        } else {
            first.to_owned()
        })
    };
    let mut out = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| group(&lines[at]));
        // The next constant is behind a comment, which is one entry however many lines it has.
        let after = lines[at + 1..].iter().take(2).find_map(group);
        if line.is_empty() && before.is_some() && before == after {
            continue;
        }
        out.push(line.clone());
    }
    out
}

#[test]
fn the_committed_header_is_what_the_sources_say() {
    let made = generate();
    if env::var_os("OSSICLE_BLESS").is_some() {
        fs::create_dir_all(header_path().parent().unwrap()).unwrap();
        fs::write(header_path(), &made).unwrap();
    }
    let committed = fs::read_to_string(header_path()).expect("include/ossicle.h is there");
    if let Some((at, (ours, theirs))) =
        made.lines().zip(committed.lines()).enumerate().find(|(_, (ours, theirs))| ours != theirs)
    {
        panic!(
            "include/ossicle.h is out of date at line {}: `cargo xtask header`\n- {theirs}\n+ {ours}",
            at + 1
        );
    }
    assert_eq!(made.len(), committed.len(), "include/ossicle.h is out of date: `cargo xtask header`");
}

#[test]
fn each_function_has_one_thread_tag() {
    let functions = functions(&crate_folder().join("src"));
    assert!(functions.len() > 5, "{functions:?}");
    for (name, doc) in functions {
        let tags = ["[RT]", "[ANY]", "[ONE]"].iter().map(|tag| doc.matches(tag).count()).sum::<usize>();
        assert_eq!(tags, 1, "{name} needs one thread tag and has {tags}");
        assert!(doc.starts_with('['), "{name}: the tag comes first");
    }
}

/// Exported functions of the sources with their documentation.
fn functions(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for file in FILES {
        let Ok(source) = fs::read_to_string(folder.join(file)) else { continue };
        let mut doc = String::new();
        for line in source.lines() {
            if let Some(text) = line.strip_prefix("/// ") {
                doc += text;
                doc.push('\n');
            } else if line.contains("extern \"C\" fn ossicle_") && line.starts_with("pub ") {
                let name = line.split("fn ").nth(1).and_then(|rest| rest.split('(').next()).unwrap();
                if name == "ossicle_test_panic" {
                    continue;
                }
                found.push((name.to_owned(), std::mem::take(&mut doc)));
            } else if !line.starts_with("#[") && !line.starts_with("///") {
                doc.clear();
            }
        }
    }
    found
}
