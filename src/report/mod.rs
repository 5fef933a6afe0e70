//! What leaves: slices, pages, documents, spans and original files; and what is looked up before it does.

mod branch;
mod findings;
mod joined;
mod kept;
mod leaving;
mod lens;
mod markdown;
mod ndjson;
mod find;
mod original;
mod otlp;
mod page;
mod pieces;
mod pick;
mod sealing;
mod slice;
mod veiled;
mod verify;
mod walk;

pub use branch::{Branch, branch};
pub use find::{Found, Query, Search, Sifted, Sifting};
pub use findings::{count_findings, findings, in_families};
pub use joined::Joined;
pub use leaving::{Extra, Form, Leaving, Part, Section, Selection, Summary, leave, session_row};
pub use lens::{Reason, Sharing, SharingRow, lens};
pub use markdown::Markdown;
pub use ndjson::Ndjson;
pub use original::{Written, write_original};
pub use otlp::Otlp;
pub use page::Page;
pub use pick::Pick;
pub use pieces::{Pieces, incomplete};
pub use slice::{SCHEMA, Slice, write_annotations, write_slice};
pub use veiled::{Cleared, Redaction, Review, Secret, Spot, Withheld, review};
pub use verify::{Verdict, verify};
pub use walk::{Step, Walk, row_of};
