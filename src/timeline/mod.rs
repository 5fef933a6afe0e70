//! Joins events into what a person walks through: rows, turns, joins, totals. Pure functions: events in, values out.

mod join;
mod rows;
mod turn;
pub mod filter;

pub use join::{Basis, Join, Strength, joining_kinds, joins};
pub use rows::{Row, Rows, State};
pub use turn::{Turn, describe};
