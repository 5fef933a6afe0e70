//! Money as whole millionths of a micro-dollar, and the cost of several calls of which some have no known price.

use std::fmt;

/// Millionths of a micro-dollar: what one token costs at a micro-dollar per million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(pub i128);

const MICRO: i128 = 1_000_000;
const DOLLAR: i128 = MICRO * 1_000_000;

impl Money {
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Micro-dollars, rounded to the nearest.
    pub fn micros(self) -> i64 {
        i64::try_from((self.0 + MICRO / 2).div_euclid(MICRO)).unwrap_or(i64::MAX)
    }
}

/// `$12.34`, and below a dollar what still says something: `$0.0042`.
impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: u32 = match self.0 {
            0 => return formatter.write_str("$0"),
            amount if amount < DOLLAR / 100 => 6,
            amount if amount < DOLLAR => 4,
            _ => 2,
        };
        let unit = DOLLAR / 10i128.pow(places);
        let units = (self.0 + unit / 2) / unit;
        let whole = 10i128.pow(places);
        write!(formatter, "${}.{:0width$}", units / whole, units % whole, width = places as usize)
    }
}

/// What calls cost, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    pub money: Money,
    /// Calls whose price is in the sum.
    pub priced: usize,
    /// Calls that used tokens and have no known price.
    pub unpriced: usize,
}

impl Cost {
    /// Counts one call.
    pub fn add(&mut self, money: Option<Money>) {
        match money {
            Some(money) => {
                self.money = self.money.plus(money);
                self.priced += 1;
            }
            None => self.unpriced += 1,
        }
    }

    pub fn merge(&mut self, other: Self) {
        self.money = self.money.plus(other.money);
        self.priced += other.priced;
        self.unpriced += other.unpriced;
    }

    /// The sum, where the price of any call is known.
    pub fn known(&self) -> Option<Money> {
        (self.priced > 0).then_some(self.money)
    }
}

/// `$1.20`, `$1.20+?` where more of it is not known, `?` where none is; nothing where nothing was used.
impl fmt::Display for Cost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.known(), self.unpriced) {
            (None, 0) => Ok(()),
            (None, _) => formatter.write_str("?"),
            (Some(money), 0) => write!(formatter, "{money}"),
            (Some(money), _) => write!(formatter, "{money}+?"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_amounts_keep_what_says_something() {
        let shown = [0, 1_234 * MICRO, 40_000 * MICRO, 12 * DOLLAR + DOLLAR / 3, 2 * DOLLAR - 1]
            .map(|amount| Money(amount).to_string());
        assert_eq!(shown, ["$0", "$0.001234", "$0.0400", "$12.33", "$2.00"]);
        assert_eq!([Money(499_999), Money(500_000)].map(Money::micros), [0, 1]);
    }

    #[test]
    fn what_is_not_known_is_said_beside_what_is() {
        let mut cost = Cost::default();
        assert_eq!((cost.to_string().as_str(), cost.known()), ("", None));
        cost.add(None);
        assert_eq!((cost.to_string().as_str(), cost.known()), ("?", None));
        cost.add(Some(Money(2 * DOLLAR)));
        assert_eq!((cost.to_string().as_str(), cost.known()), ("$2.00+?", Some(Money(2 * DOLLAR))));
        let mut other = Cost::default();
        other.add(Some(Money(DOLLAR)));
        other.merge(cost);
        assert_eq!((other.priced, other.unpriced, other.money), (2, 1, Money(3 * DOLLAR)));
    }
}
