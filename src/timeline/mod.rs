//! Joins events into what a person walks through: rows, turns, joins, totals. Pure functions: events in, values out.

mod act;
mod artifact;
mod change;
mod join;
mod material;
mod rows;
mod schema;
mod totals;
mod turn;
mod version;

pub use act::{ActionArray, Acts, Bookkeeper, Ledger, Spot, acts};
pub use artifact::{Artifact, ArtifactKind, Definition, Found, Setting, definitions, look, text_of};
pub use change::{Comparison, Focus, Line, Mark, Side, compare};
pub use join::{Basis, Join, Strength, joining_kinds, joins};
pub use material::{Material, value_of};
pub use rows::{Row, Rows, State};
pub use schema::{Failure, Verdict, arguments_of, judge, schema_of};
pub use totals::{Tally, Totals, percentile, sum, tokens_of};
pub use turn::{Turn, describe};
pub use version::{Offer, Version, Versions, speaker};
