//! What leaves: slices now, reports later.

mod slice;

pub use slice::{Selection, Summary, write_slice};
