//! A peer that answers anything: the committed corpus of the fuzz target, and random steps.

use proptest::prelude::*;

#[allow(unreachable_pub, reason = "the file is a public module of the fuzz crate")]
#[path = "../../../fuzz/src/response.rs"]
mod response;

#[test]
fn the_corpus_is_survived() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/respond");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 40, "the corpus is not whole: {} files", files.len());
    for file in files {
        let data = std::fs::read(&file).unwrap();
        // Shown only if the body panics.
        eprintln!("{}", file.display());
        response::respond(&data);
    }
}

proptest! {
    #[test]
    fn random_steps_are_survived(data in proptest::collection::vec(any::<u8>(), 0..600)) {
        response::respond(&data);
    }
}
