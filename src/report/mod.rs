//! What leaves: slices now, reports later.

mod find;
mod original;
mod pieces;
mod slice;
mod verify;
mod walk;

pub use find::{Found, Query, Search};
pub use original::{Written, write_original};
pub use pieces::{Pieces, incomplete};
pub use slice::{Selection, Summary, session_row, write_slice};
pub use verify::{Verdict, verify};
pub use walk::{Step, Walk, joins_of, row_of};
