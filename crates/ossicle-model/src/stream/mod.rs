//! The streaming operation: the request that opens it, the events up and the events down.

mod configuration;
mod down;
mod request;
mod shapes;
mod up;

pub use configuration::*;
pub use down::*;
pub use request::*;
pub use shapes::*;
pub use up::*;
