//! Redaction: secrets are found by rules, and a stub stands in the place of each.
//!
//! Pure: bytes in, finds or bytes out. A text is read as JSON where it is JSON, and every string of it as a text of
//! its own; else as it stands, without its escapes, and decoded from base64, hex and percent signs.

mod call;
mod check;
mod code;
mod finder;
mod flat;
mod known;
mod lines;
mod manifest;
mod markup;
mod pair;
mod path;
mod rules;
mod run;
mod said;
mod statement;
mod stream;
mod stub;
mod table;
mod tree;
mod value;
mod veil;
mod view;
mod words;

pub use finder::{Find, Finder, merge};
pub use known::Known;
pub use rules::{Fault, Rule, Rules, What};
pub use stream::{Piece, Stream};
pub use stub::{Mark, Stubs};
pub use veil::{Hints, Seen, Veil};
#[cfg(test)]
mod forms_tests;
#[cfg(test)]
mod plain_tests;
#[cfg(test)]
mod tests;
