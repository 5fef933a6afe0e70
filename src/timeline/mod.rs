//! Joins events into what a person walks through: rows, turns, joins, totals. Pure functions: events in, values out.

mod act;
mod artifact;
mod axis;
mod change;
mod finding;
mod gaps;
mod growing;
mod join;
mod material;
mod rows;
mod schema;
mod survey;
mod totals;
mod tree;
mod turn;
mod version;
pub mod filter;

pub use act::{ActionArray, Acts, Bookkeeper, Ledger, Spot, acts};
pub use artifact::{Artifact, ArtifactKind, Definition, Found, Setting, definitions, look, text_of, texts};
pub use axis::{Axis, Cut};
pub use change::{Comparison, Focus, Line, Mark, Side, compare};
pub use finding::{
    Finding, Severity, TELLING_ATTRIBUTES, dense_sources, flagged, holes, in_order, is_purged, ran_back, reused,
    row_of, unjoined,
};
pub use gaps::Gap;
pub use growing::Growing;
pub use join::{Basis, Join, Link, Part, Place, RULES, Rejected, Rule, Seen, Strength, Web, explain, inner};
pub use material::{Material, value_of};
pub use rows::{Row, Rows, State};
pub use schema::{Failure, Verdict, arguments_of, judge, schema_of};
pub use survey::{Survey, Surveyor};
pub use totals::{Tally, Totals, percentile, sum, tokens_of};
pub use tree::{Hidden, Tree};
pub use turn::{Turn, describe};
pub use version::{Offer, Version, Versions, speaker};
