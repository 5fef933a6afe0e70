//! What leaves: slices now, reports later.

mod findings;
mod joined;
mod leaving;
mod lens;
mod find;
mod original;
mod page;
mod pieces;
mod pick;
mod slice;
mod veiled;
mod verify;
mod walk;

pub use find::{Found, Query, Search};
pub use findings::{count_findings, findings, in_families};
pub use joined::Joined;
pub use leaving::{Extra, Form, Leaving, Part, Section, Selection, Summary, leave, session_row};
pub use lens::{Reason, Sharing, SharingRow, lens};
pub use original::{Written, write_original};
pub use page::Page;
pub use pick::Pick;
pub use pieces::{Pieces, incomplete};
pub use slice::{Slice, write_annotations, write_slice};
pub use veiled::{Cleared, Redaction, Review, Secret, Spot, Withheld, review};
pub use verify::{Verdict, verify};
pub use walk::{Step, Walk, row_of};
