//! The filter language: one grammar for the screen, the command line and the store.
//!
//! ```text
//! filter  = either
//! either  = both { "or" both }
//! both    = one { ["and"] one }                     side by side is and
//! one     = "not" one | "(" either ")" | "@" NAME | test | word
//! test    = FIELD ":" value { "," value }           , is or; * and ? are wildcards; quotes keep spaces
//!         | FIELD "~" REGEX | FIELD (">" | ">=" | "<" | "<=" | "=") value
//! ```
//!
//! A value that is not known matches neither a test nor its `not`. Case does not count anywhere.

mod complete;
mod fault;
mod field;
mod moment;
mod parse;
mod pattern;
mod print;
mod spoken;
#[cfg(test)]
mod tests;

pub use complete::{Completion, Vocabulary, complete};
pub use fault::Fault;
pub use field::{Feature, Field, Scope, Sort};
pub use moment::{Frame, Moment, parse_span, write_span};
pub use parse::is_name;
pub use pattern::{Part, Pattern, Regex};
pub use spoken::{MOMENTS, Named, parse_length};

use std::collections::BTreeMap;

/// Saved filters: their texts by name.
pub type Saved = BTreeMap<String, String>;

/// A filter, as typed and as understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub text: String,
    pub expression: Expression,
}

impl Filter {
    /// Reads a filter; `None` for a text that holds none.
    pub fn parse(text: &str, scope: Scope, saved: &Saved) -> Result<Option<Self>, Fault> {
        let expression = parse::parse(text, scope, saved)?;
        Ok(expression.map(|expression| Self { text: text.trim().to_owned(), expression }))
    }

    /// The filter of an expression, in the words of the language.
    pub fn of(expression: Expression) -> Self {
        Self { text: expression.to_string(), expression }
    }
}

/// What a row must be to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    Test(Test),
    Not(Box<Self>),
    /// Never nested in itself, never fewer than two; so is `Or`.
    And(Vec<Self>),
    Or(Vec<Self>),
    /// A saved filter, by its name.
    Named(String, Box<Self>),
}

/// One test of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    pub field: Field,
    pub condition: Condition,
}

/// What the value of a field must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// One of the patterns fits.
    Like(Vec<Pattern>),
    Regex(Regex),
    Number(Comparison, i64),
    /// Microseconds.
    Span(Comparison, i64),
    Moment(Comparison, Moment),
    /// One of these is there.
    Has(Vec<Feature>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    Less,
    AtMost,
    Greater,
    AtLeast,
    Equal,
}

impl Comparison {
    pub fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Equal => "=",
        }
    }

    pub fn holds(self, value: i64, limit: i64) -> bool {
        match self {
            Self::Less => value < limit,
            Self::AtMost => value <= limit,
            Self::Greater => value > limit,
            Self::AtLeast => value >= limit,
            Self::Equal => value == limit,
        }
    }
}

/// The answer to a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    Yes,
    No,
    /// The value is not known, so neither the test nor its opposite holds.
    Unknown,
}

impl Verdict {
    pub fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

impl Expression {
    /// All of these hold.
    pub fn and(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Self::And(parts) => flat.extend(parts),
                part => flat.push(part),
            }
        }
        if flat.len() > 1 { Some(Self::And(flat)) } else { flat.pop() }
    }

    /// One of these holds.
    pub fn or(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Self::Or(parts) => flat.extend(parts),
                part => flat.push(part),
            }
        }
        if flat.len() > 1 { Some(Self::Or(flat)) } else { flat.pop() }
    }

    /// What holds where the other does not.
    pub fn opposite(part: Self) -> Self {
        Self::Not(Box::new(part))
    }

    /// The field has exactly this value.
    pub fn is(field: Field, value: &str) -> Self {
        Self::Test(Test { field, condition: Condition::Like(vec![Pattern::exactly(value)]) })
    }

    /// The field compares so with a moment.
    pub fn moment(field: Field, comparison: Comparison, moment: Moment) -> Self {
        Self::Test(Test { field, condition: Condition::Moment(comparison, moment) })
    }

    /// Whether all of it holds, given the answer to each test.
    pub fn judge(&self, test: &impl Fn(&Test) -> Verdict) -> Verdict {
        match self {
            Self::Test(one) => test(one),
            Self::Named(_, inner) => inner.judge(test),
            Self::Not(inner) => match inner.judge(test) {
                Verdict::Yes => Verdict::No,
                Verdict::No => Verdict::Yes,
                Verdict::Unknown => Verdict::Unknown,
            },
            Self::And(parts) => first(parts, test, Verdict::No, Verdict::Yes),
            Self::Or(parts) => first(parts, test, Verdict::Yes, Verdict::No),
        }
    }

    /// All tests in it.
    pub fn tests(&self) -> Vec<&Test> {
        match self {
            Self::Test(test) => vec![test],
            Self::Not(inner) | Self::Named(_, inner) => inner.tests(),
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::tests).collect(),
        }
    }

    /// Whether it asks for one of these features.
    pub fn asks_for(&self, features: &[Feature]) -> bool {
        self.tests().into_iter().any(|test| match &test.condition {
            Condition::Has(wanted) => wanted.iter().any(|feature| features.contains(feature)),
            _ => false,
        })
    }

    /// The parts that must all hold.
    pub fn conjuncts(&self) -> Vec<&Self> {
        match self {
            Self::And(parts) => parts.iter().collect(),
            other => vec![other],
        }
    }
}

/// The verdict that decides, wherever it stands; else unknown where one is, else the rest.
fn first(parts: &[Expression], test: &impl Fn(&Test) -> Verdict, decides: Verdict, otherwise: Verdict) -> Verdict {
    let mut verdict = otherwise;
    for part in parts {
        match part.judge(test) {
            found if found == decides => return decides,
            Verdict::Unknown => verdict = Verdict::Unknown,
            _ => {}
        }
    }
    verdict
}
