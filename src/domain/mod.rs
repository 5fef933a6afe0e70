//! What a session is: events with keys, bodies and usage, and how they are named.
//!
//! This layer knows no SQL, no terminal, no files and no clock. Everything else is written in its words.

mod carried;
mod event;
mod json;
mod key;
mod safe;
mod session;
mod timestamp;
mod usage;
pub mod filter;

pub use carried::Carried;
pub use event::{Body, Event, Head, Kind, Order, Phase, Role, flag};
pub use json::{
    Fault, Lexer, MAX_DEPTH, Outline, Parts, Progress, Shape, Splitter, Value, decode_string, is_json_number,
};
pub use key::{Key, KeyKind};
pub use safe::{escape_json, excerpt, is_unsafe, mark, passes_in_emoji, safe};
pub use session::{Session, Tokens};
pub use timestamp::Timestamp;
pub use usage::{Usage, UsageSource};
