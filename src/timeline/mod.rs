//! Joins events into what a person walks through: rows, turns, joins, totals. Pure functions: events in, values out.

mod finding;
mod axis;
mod gaps;
mod join;
mod rows;
mod tree;
mod turn;
pub mod filter;

pub use axis::{Axis, Cut};
pub use finding::{
    Finding, Severity, TELLING_ATTRIBUTES, dense_sources, flagged, holes, in_order, reused, row_of, unjoined,
};
pub use gaps::Gap;
pub use join::{Basis, Join, Link, Part, Place, RULES, Rejected, Rule, Seen, Strength, Web, explain, inner};
pub use rows::{Row, Rows, State};
pub use tree::{Hidden, Tree};
pub use turn::{Turn, describe};
