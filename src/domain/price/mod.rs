//! What a call of a model costs by a dated table of list prices. Unknown is not zero, and sums need no fractions.
//!
//! The table is `prices.toml` beside this file; whoever uses the program may put one of their own before it. It says
//! what the lists said: discounts, plans and taxes are not in it.

mod cost;
mod table;

pub use cost::{Cost, Money};
pub use table::{PriceFault, Prices, Source};

use super::{Timestamp, Usage};

/// One call, as far as its price hangs on it.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    pub model: &'a str,
    pub at: Option<Timestamp>,
    pub usage: &'a Usage,
    pub terms: Terms,
}

/// What else a call was billed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// Of the tokens that were written to a cache, those that stay there for an hour.
    pub hour_writes: i64,
    /// It was one of a batch.
    pub batch: bool,
}

/// The attributes by which importers note the terms of a call.
pub const HOUR_WRITES: &str = "cache_write_1h";
pub const SERVICE_TIER: &str = "service_tier";
