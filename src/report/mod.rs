//! What leaves: slices now, reports later.

mod original;
mod slice;
mod verify;

pub use original::{Written, write_original};
pub use slice::{Selection, Summary, write_slice};
pub use verify::{Verdict, verify};
