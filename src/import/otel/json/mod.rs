//! Spans and log records as JSON: first where they lie in a document, then what each of them says.

mod cut;
mod place;
mod read;
mod spell;
mod time;
mod value;

pub use cut::{Cut, Element, Stray, cut};
pub use read::{read, sender_of};
pub use spell::{holds_metrics, is_item};
pub use value::value_of;
