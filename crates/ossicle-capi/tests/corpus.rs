//! The committed corpus of the fuzz target that drives the C API, played again.

#[allow(unreachable_pub, reason = "the file is a public module of the fuzz crate")]
#[path = "../../../fuzz/src/c_api/mod.rs"]
mod c_api;

#[test]
fn the_corpus_is_survived() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/c_api");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20, "the corpus is not whole: {} files", files.len());
    for file in files {
        let data = std::fs::read(&file).unwrap();
        // Shown only if the body panics.
        eprintln!("{}", file.display());
        c_api::drive(&data);
    }
}
