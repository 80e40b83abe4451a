//! Replays the committed corpus of the fuzz targets through their bodies.

#[allow(unreachable_pub, reason = "the file is a public module of the fuzz crate")]
#[path = "../../../fuzz/src/event_stream.rs"]
mod event_stream;

fn replay(target: &str, body: fn(&[u8])) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 30, "the corpus of {target} is not whole: {} files", files.len());
    for file in files {
        let data = std::fs::read(&file).unwrap();
        // Shown only if the body panics.
        eprintln!("{}", file.display());
        body(&data);
    }
}

#[test]
fn decode() {
    replay("decode", event_stream::decode);
}

#[test]
fn decode_crc_repaired() {
    replay("decode_crc_repaired", event_stream::decode_crc_repaired);
}
