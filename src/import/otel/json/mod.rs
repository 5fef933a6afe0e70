//! Spans and log records as JSON: first where they lie in a document, then what each of them says.

mod cut;
mod place;
mod read;
mod spell;

pub use cut::{Cut, Element, Stray, cut};
pub use read::{described, read, scope, value_of};
pub use spell::{holds_metrics, is_item};
