//! What a session is: events with keys, bodies and usage, and how they are named.
//!
//! This layer knows no SQL, no terminal, no files and no clock. Everything else is written in its words.

mod carried;
mod dialect;
mod event;
mod json;
mod key;
mod pairing;
mod safe;
mod seal;
mod session;
mod ties;
mod timestamp;
mod usage;
pub mod filter;
pub mod own_span;
pub mod packed;
pub mod present;
pub mod price;
pub mod redact;
pub mod telling;
pub mod told;

pub use carried::Carried;
pub use dialect::{Reading, odd_counts, odd_span_counts, read_span_usage, read_usage};
pub use event::{Body, ENDED, Event, Head, HeadSum, Kind, NOTED, OF_SPAN, Order, Phase, Role, flag};
pub use json::{
    Document, Fault, Lexer, MAX_DEPTH, Outline, Parts, Progress, Shape, Splitter, Strict, Value, decode_string,
    is_json_number,
};
pub use key::{Key, KeyKind, Via};
pub use pairing::{Half, pair};
pub use safe::{escape_json, excerpt, is_unsafe, mark, passes_in_emoji, safe};
pub use seal::{SEAL, SealCheck, Sealed, seal, seal_line, seal_page};
pub use session::{Session, TitleRank, TitleWorth, Tokens};
pub use ties::{Speaker, Tie, Ties};
pub use timestamp::Timestamp;
pub use usage::{Usage, UsageSource};
