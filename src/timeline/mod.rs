//! Joins events into what a person walks through: rows, turns, joins, totals. Pure functions: events in, values out.

mod finding;
mod growing;
mod join;
mod rows;
mod turn;

pub use finding::{
    Finding, Severity, TELLING_ATTRIBUTES, dense_sources, flagged, holes, in_order, reused, row_of, unjoined,
};
pub use growing::Growing;
pub use join::{Basis, Join, Link, Part, Place, RULES, Rejected, Rule, Seen, Strength, Web, explain, inner};
pub use rows::{Row, Rows, State};
pub use turn::{Turn, describe};
