//! Joins events into what a person walks through: rows, turns, joins, totals. Pure functions: events in, values out.

mod axis;
mod gaps;
mod join;
mod parents;
mod rows;
mod tree;
mod turn;

pub use axis::{Axis, Cut};
pub use gaps::Gap;
pub use join::{Basis, Join, Strength, joining_kinds, joins};
pub use parents::{Tie, parent_kinds, parents};
pub use rows::{Row, Rows, State};
pub use tree::{Hidden, Tree};
pub use turn::{Turn, describe};
