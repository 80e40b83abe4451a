//! The bodies of the fuzz targets, as ordinary functions: the crates' own tests include these files and replay the committed
//! corpus, so a plain `cargo test` sees all that fuzzing found.

pub mod c_api;
pub mod event_stream;
pub mod response;
