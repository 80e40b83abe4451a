//! The header, the library and the last release's record agree.
#![cfg(target_os = "linux")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::mem::{offset_of, size_of};
use std::process::Command;
use std::{env, fs};

use ossicle_capi::*;
use support::{header, library_folder, root, run};

/// A struct: name, size, and its fields with name, offset and size.
type Layout = (&'static str, usize, Vec<(&'static str, usize, usize)>);

/// The size of a field, by a function that is never called.
fn size_of_field<S, T>(_: fn(&S) -> &T) -> usize {
    size_of::<T>()
}

macro_rules! layouts {
    ($($name:ident { $($field:ident),* })*) => {
        fn layouts() -> Vec<Layout> {
            vec![$((stringify!($name), size_of::<$name>(), vec![$((
                stringify!($field),
                offset_of!($name, $field),
                size_of_field(|it: &$name| &it.$field),
            )),*])),*]
        }
    };
}

macro_rules! constants {
    ($($name:ident),*) => {
        fn constants() -> Vec<(&'static str, i64)> {
            vec![$((stringify!($name), i64::from($name))),*]
        }
    };
}

layouts! {
    ossicle_engine_config { struct_size, sessions_max, shards, tick_ms, streams_per_connection, ping_interval_ms, pong_timeout_ms, unwritten_bytes_max, keys_margin_ms, keys_source, events_max, log_level, fips, loopback, catch_up_percent, reserved, held_bytes_max, seed, region, endpoint, ca_pem, proxy, loopback_script, wake, wake_context }
    ossicle_format { sample, layout, rate_hz, channels }
    ossicle_session_config { struct_size, tap_count, taps, ring_ms, channel_map, pick_first, pick_second, check_rate, wire_rate_hz, encoding, audio_form, chunk_ms, held_ms_max, overflow, resend_overlap_ms, pace_percent, keep_alive_ms, finish_deadline_ms, offset_rule, open_patience_ms, reserved, user_data, session_uuid, domain_id, subscription_id, language, configuration, output_s3_uri, note_template, reserved_pointer }
    ossicle_error { status, text }
    ossicle_transcript { struct_size, partial, begin_ns, end_ns, service_begin_s, service_end_s, segment_id, channel, text, text_bytes }
    ossicle_checklist_item { struct_size, status, checklist_id, item_key }
    ossicle_checklist { struct_size, item_count, version, items }
    ossicle_tooth_site { struct_size, probing_depth_mm, recession_mm, bleeding, suppuration, reserved, name }
    ossicle_tooth { struct_size, number, missing, mobility, furcation, site_count, sites }
    ossicle_chart_review { struct_size, tooth_number, reason, sites }
    ossicle_chart { struct_size, tooth_count, version, teeth, reviews, review_count, reserved }
    ossicle_report { struct_size, ended, status, rate_hz, channels, connections, captured_frames, delivered_frames, in_flight_frames, held_frames, dropped_frames, dropped_ring_full_frames, dropped_held_limit_frames, dropped_unproven_frames, dropped_paused_frames, dropped_muted_frames, dropped_ended_frames, silence_frames, resent_frames, messages, wire_bytes, signature_age_ms_max, transcribed_ns, session_uuid }
    ossicle_event { struct_size, kind, session_id, user_data, status, code, begin_ns, end_ns, frames, duration_ms, message, message_bytes, json, json_bytes, transcript, checklist, chart, report }
    ossicle_session_stats { struct_size, state, pushed_frames, refused_frames, captured_frames, delivered_frames, in_flight_frames, held_frames, dropped_frames, silence_frames, resent_frames, messages, wire_bytes, signature_age_ms_max, lag_ms, rtt_ns, peak_dbfs, reconnects, reserved }
}

constants! {
    OSSICLE_ABI, OSSICLE_OK, OSSICLE_FULL, OSSICLE_EMPTY, OSSICLE_CLOSED, OSSICLE_BAD_ARGUMENT, OSSICLE_BAD_STATE, OSSICLE_LIMIT, OSSICLE_DENIED, OSSICLE_EXPIRED, OSSICLE_SKEWED, OSSICLE_NO_KEYS, OSSICLE_REJECTED, OSSICLE_THROTTLED, OSSICLE_QUOTA, OSSICLE_NOT_FOUND, OSSICLE_CONFLICT, OSSICLE_SERVICE_FAILED, OSSICLE_UNREACHABLE, OSSICLE_LOST, OSSICLE_CORRUPT, OSSICLE_UNTRUSTED, OSSICLE_NO_HTTP2, OSSICLE_TIMED_OUT, OSSICLE_INTERNAL, OSSICLE_FEATURE_FLAC, OSSICLE_FEATURE_LOOPBACK, OSSICLE_FEATURE_AWS_CHAIN, OSSICLE_SAMPLE_S16, OSSICLE_SAMPLE_F32, OSSICLE_SAMPLE_S32, OSSICLE_SAMPLE_S24_IN_32, OSSICLE_LAYOUT_INTERLEAVED, OSSICLE_LAYOUT_PLANAR, OSSICLE_CHANNELS_AUTO, OSSICLE_CHANNELS_MIX, OSSICLE_CHANNELS_STEREO, OSSICLE_CHANNELS_PICK, OSSICLE_PICK_NONE, OSSICLE_ENCODING_PCM, OSSICLE_ENCODING_FLAC, OSSICLE_AUDIO_BINARY, OSSICLE_AUDIO_JSON, OSSICLE_OVERFLOW_DROP_OLDEST, OSSICLE_OVERFLOW_WAIT, OSSICLE_OFFSETS_DETECT, OSSICLE_OFFSETS_RESTART, OSSICLE_OFFSETS_CONTINUE, OSSICLE_KEYS_PUSHED, OSSICLE_KEYS_AWS_CHAIN, OSSICLE_LOG_OFF, OSSICLE_LOG_WARN, OSSICLE_LOG_INFO, OSSICLE_EVENT_OPENED, OSSICLE_EVENT_TRANSCRIPT, OSSICLE_EVENT_CHECKLIST, OSSICLE_EVENT_CHART, OSSICLE_EVENT_RECOVERING, OSSICLE_EVENT_RECOVERED, OSSICLE_EVENT_DROPPED, OSSICLE_EVENT_WARNING, OSSICLE_EVENT_PAUSED, OSSICLE_EVENT_RESUMED, OSSICLE_EVENT_CLOSED, OSSICLE_EVENT_KEYS_EXPIRING, OSSICLE_EVENT_DISCARDED, OSSICLE_EVENT_CALL, OSSICLE_EVENT_LOG, OSSICLE_DROP_RING_FULL, OSSICLE_DROP_HELD_LIMIT, OSSICLE_DROP_UNPROVEN, OSSICLE_DROP_PAUSED, OSSICLE_DROP_MUTED, OSSICLE_DROP_ENDED, OSSICLE_WARNING_OTHER, OSSICLE_WARNING_KEYS_EXPIRING, OSSICLE_WARNING_RESUME_WINDOW_ENDING, OSSICLE_WARNING_AUDIO_TOTAL_ENDING, OSSICLE_WARNING_CLOCK_SKEWED, OSSICLE_WARNING_LOW_RATE, OSSICLE_WARNING_SILENT_MICROPHONE, OSSICLE_WARNING_CLIPPING, OSSICLE_WARNING_RATE_MISMATCH, OSSICLE_WARNING_WAV_HEADER, OSSICLE_WARNING_KEEP_ALIVE, OSSICLE_ENDED_NOT_YET, OSSICLE_ENDED_FINISHED, OSSICLE_ENDED_PAUSED, OSSICLE_ENDED_FAILED, OSSICLE_STATE_OPENING, OSSICLE_STATE_STREAMING, OSSICLE_STATE_RECOVERING, OSSICLE_STATE_DRAINING, OSSICLE_STATE_PAUSED, OSSICLE_STATE_CLOSED, OSSICLE_CHECKLIST_NOT_DISCUSSED, OSSICLE_CHECKLIST_PARTIALLY_DISCUSSED, OSSICLE_CHECKLIST_DISCUSSED, OSSICLE_CHECKLIST_OTHER, OSSICLE_NOT_CHARTED
}

/// Strict, and no hidden padding.
const STRICT: [&str; 7] =
    ["-Wall", "-Wextra", "-Wpedantic", "-Wpadded", "-Werror", "-fsyntax-only", "-Wundef"];

#[test]
fn the_header_is_clean_in_every_standard_with_both_compilers() {
    let header = root().join("include/ossicle.h");
    let standards = [
        ("c", ["gcc", "clang"], &["c99", "c11", "c17"][..]),
        ("c++", ["g++", "clang++"], &["c++11", "c++14", "c++17", "c++20"][..]),
    ];
    for (language, compilers, standards) in standards {
        for compiler in compilers {
            for standard in standards {
                let mut call = Command::new(compiler);
                call.args(["-x", language, &format!("-std={standard}")]).args(STRICT).arg(&header);
                run(&mut call);
            }
        }
    }
    // Other widths and systems, as far as they can be asked here: the layout has no padding there either.
    for target in
        ["i686-linux-gnu", "armv7-linux-gnueabihf", "aarch64-apple-darwin", "x86_64-pc-windows-msvc"]
    {
        let mut call = Command::new("clang");
        call.args([&format!("--target={target}"), "-ffreestanding", "-std=c11", "-x", "c"])
            .args(STRICT)
            .arg(&header);
        run(&mut call);
    }
}

#[test]
fn sizes_offsets_and_constants_are_those_of_rust() {
    let mut source = String::from("#include <ossicle.h>\n#include <stddef.h>\n");
    for (name, size, fields) in layouts() {
        writeln!(source, "_Static_assert(sizeof({name}) == {size}, \"{name}\");").unwrap();
        for (field, offset, size) in fields {
            writeln!(source, "_Static_assert(offsetof({name}, {field}) == {offset}, \"{name}.{field}\");")
                .unwrap();
            writeln!(source, "_Static_assert(sizeof((({name} *)0)->{field}) == {size}, \"{name}.{field}\");")
                .unwrap();
        }
    }
    for (name, value) in constants() {
        writeln!(source, "_Static_assert({name} == {value}, \"{name}\");").unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("layout.c");
    fs::write(&file, source).unwrap();
    for compiler in ["gcc", "clang"] {
        let mut call = Command::new(compiler);
        run(call.args(["-std=c11", "-fsyntax-only", "-I"]).arg(root().join("include")).arg(&file));
    }
    // The lists in this file leave nothing out.
    let header = header();
    let fields: usize = layouts().iter().map(|(.., fields)| fields.len()).sum();
    let in_header = header.lines().filter(|line| {
        line.starts_with("  ") && !line.starts_with("   ") && line.ends_with(';') && !line.contains('(')
    });
    assert_eq!(fields, in_header.count(), "list each field in this file");
    let defined = header.lines().filter(|line| is_constant(line)).count();
    assert_eq!(constants().len(), defined, "list each constant in this file");
}

fn is_constant(line: &str) -> bool {
    let value = line.strip_prefix("#define OSSICLE_").and_then(|rest| rest.split_once(' '));
    value.is_some_and(|(_, value)| {
        value.trim_matches(['(', ')', '-']).bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Functions of the header: name and declaration on one line, without its comment.
fn functions() -> BTreeMap<String, String> {
    let header = header();
    let mut found = BTreeMap::new();
    let mut rest = header.as_str();
    while let Some(at) = rest.find("\nOSSICLE_API ") {
        rest = &rest[at + 1..];
        let declaration = &rest[..rest.find(';').unwrap()];
        let words: Vec<&str> = declaration.split_whitespace().collect();
        let line =
            words.join(" ").replace("OSSICLE_API ", "").replace("OSSICLE_CHECK ", "").replace("( ", "(");
        let name = line.split('(').next().unwrap().split([' ', '*']).next_back().unwrap().to_owned();
        found.insert(name, line);
    }
    found
}

#[test]
fn the_library_exports_what_the_header_declares_and_nothing_else() {
    let symbols = run(Command::new("nm")
        .args(["-D", "--defined-only"])
        .arg(library_folder().join("libossicle_capi.so")));
    let mut exported: BTreeSet<&str> =
        symbols.lines().filter_map(|line| line.split_whitespace().next_back()).collect();
    // The one symbol of test builds, which no header declares.
    assert!(exported.remove("ossicle_test_panic"));
    let declared = functions();
    let declared: BTreeSet<&str> = declared.keys().map(String::as_str).collect();
    assert!(declared.len() >= 32);
    assert_eq!(exported, declared);
}

/// The ABI as lines of `kind name what`, in the header's order.
fn record() -> String {
    let mut lines = String::new();
    for (name, size, fields) in layouts() {
        writeln!(lines, "struct {name} {size}").unwrap();
        for (field, offset, size) in fields {
            writeln!(lines, "field {name}.{field} {offset} {size}").unwrap();
        }
    }
    for (name, value) in constants() {
        writeln!(lines, "constant {name} {value}").unwrap();
    }
    for (name, declaration) in functions() {
        writeln!(lines, "function {name} {declaration}").unwrap();
    }
    lines
}

/// What of `now` breaks programs that were built against `then`.
fn breaks(then: &str, now: &str) -> Vec<String> {
    let parse = |text: &str| -> BTreeMap<(String, String), String> {
        let words = text.lines().filter_map(|line| line.split_once(' '));
        let named =
            words.filter_map(|(kind, rest)| rest.split_once(' ').map(|(name, what)| (kind, name, what)));
        named.map(|(kind, name, what)| ((kind.to_owned(), name.to_owned()), what.to_owned())).collect()
    };
    let (then, now) = (parse(then), parse(now));
    let mut found = Vec::new();
    for (key, what) in &then {
        let (kind, name) = key;
        match now.get(key) {
            None => found.push(format!("{kind} {name} is gone")),
            Some(present) if kind == "struct" => {
                // Growing at the end is what `struct_size` is for; a struct that callers embed cannot grow.
                let size = |text: &str| text.parse::<usize>().unwrap();
                let may_grow = then.contains_key(&("field".to_owned(), format!("{name}.struct_size")));
                if size(present) < size(what) || (!may_grow && present != what) {
                    found.push(format!("struct {name} was {what} bytes and is {present}"));
                }
            }
            Some(present) if present != what => {
                found.push(format!("{kind} {name} was {what} and is {present}"))
            }
            Some(_) => {}
        }
    }
    for (kind, name) in now.keys().filter(|key| key.0 == "field" && !then.contains_key(*key)) {
        let owner = name.split('.').next().unwrap();
        let Some(end) = then.get(&("struct".to_owned(), owner.to_owned())) else { continue };
        let offset: usize = now[&(kind.clone(), name.clone())].split(' ').next().unwrap().parse().unwrap();
        if offset < end.parse().unwrap() {
            found.push(format!("field {name} was put inside of what the last release had"));
        }
    }
    found
}

#[test]
fn the_abi_only_grew_since_it_was_recorded() {
    let path = root().join("crates/ossicle-capi/abi/abi-1.txt");
    let now = record();
    if env::var_os("OSSICLE_RECORD_ABI").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &now).unwrap();
    }
    let then = fs::read_to_string(&path).expect("the ABI was recorded");
    assert_eq!(breaks(&then, &now), Vec::<String>::new());
}

#[test]
fn the_check_of_the_abi_finds_each_kind_of_break() {
    let then = "struct s 16\nfield s.struct_size 0 4\nfield s.a 4 4\nstruct fixed 8\nfield fixed.x 0 8\nconstant C 1\n\
                function f void f(void)\n";
    let good = "struct s 24\nfield s.struct_size 0 4\nfield s.a 4 4\nfield s.b 16 8\nstruct fixed 8\nfield fixed.x 0 8\n\
                constant C 1\nconstant D 2\nfunction f void f(void)\nfunction g void g(void)\n";
    assert_eq!(breaks(then, good), Vec::<String>::new());
    for (from, to) in [
        ("field s.a 4 4", "field s.a 8 4"),
        ("field s.b 16 8", "field s.b 8 8"),
        ("constant C 1", "constant C 2"),
        ("function f void f(void)", "function f int f(void)"),
        ("struct s 24", "struct s 12"),
        ("struct fixed 8", "struct fixed 16"),
        ("constant C 1\n", ""),
    ] {
        let broken = good.replace(from, to);
        assert_eq!(breaks(then, &broken).len(), 1, "{from} -> {to}");
    }
}
