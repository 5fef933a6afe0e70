//! What leaves: slices now, reports later.

mod original;
mod pick;
mod slice;
mod verify;
mod walk;

pub use original::{Written, write_original};
pub use pick::Pick;
pub use slice::{Selection, Summary, session_row, write_slice};
pub use verify::{Verdict, verify};
pub use walk::{Step, Walk, joins_of, row_of};
