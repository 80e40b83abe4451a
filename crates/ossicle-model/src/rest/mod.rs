//! The REST operations: inputs, outputs and the table of operations.
//!
//! An operation is one row of [`each_operation!`](crate::each_operation) beside the shapes of its input and output.
//! The row is what the service's own table says; the client's methods, the emulator's routes and the test against the
//! service's model are made of it.

mod coding;
mod datasets;
mod domains;
mod feedback;
mod insights;
mod operations;
mod sessions;
mod subscriptions;
mod tags;

pub use coding::*;
pub use datasets::*;
pub use domains::*;
pub use feedback::*;
pub use insights::*;
pub use operations::*;
pub use sessions::*;
pub use subscriptions::*;
pub use tags::*;
