//! The C ABI of Ossicle: the one crate that exports symbols, and the one that may use `unsafe`.
//!
//! `include/ossicle.h` is made of this crate's `pub` items by cbindgen, committed, and held against them by a test.
//! What a caller has to know stands there, in its first chapter; the documentation of each item here is what the
//! header says of it.
//!
//! How the border is built: `sized.rs` reads and writes structs that only grow; `text.rs` reads texts; `border.rs` turns
//! faults into statuses and ends panics; `handle.rs` makes handles names that can be checked. `unsafe` is what the
//! header asks of its caller (pointers that are NULL or good for the call) and what `handle.rs` and `push.rs` prove.

#![allow(
    clippy::missing_safety_doc,
    reason = "the header's first chapter is the safety section of every function"
)]
#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "the header's thread tags, such as [ANY], and addresses stand in brackets and are no links"
)]

mod about;
mod border;
mod call;
#[cfg(feature = "aws-chain")]
mod chain;
mod config;
mod constants;
mod engine;
mod event;
mod handle;
mod inbox;
mod keys;
#[cfg(feature = "loopback")]
mod loopback;
mod push;
mod read;
mod results;
mod session;
mod sized;
mod text;
mod told;

pub use about::*;
pub use border::ossicle_error;
pub use call::*;
pub use config::*;
pub use constants::*;
pub use engine::*;
pub use event::*;
pub use push::*;
pub use results::{
    ossicle_chart, ossicle_chart_review, ossicle_checklist, ossicle_checklist_item, ossicle_tooth,
    ossicle_tooth_site,
};
pub use session::*;
