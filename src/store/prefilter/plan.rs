//! From a filter to conditions on events, and to the formula that rows must fulfil.

use super::condition::{Condition, Like};
use crate::domain::filter::{self, Expression, Feature, Field, Frame, Pattern, Regex, Test};
use crate::domain::{KeyKind, Kind, flag};

/// So many conditions fit into the bits of a number, with room to spare; all further ones narrow nothing down.
const MOST_CONDITIONS: usize = 48;
/// So many values of one test are handed to SQL.
const MOST_VALUES: usize = 20;

/// What the conditions that hold somewhere in a row must be for the row to be able to match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Formula {
    Always,
    Never,
    /// The condition holds for some event of the row.
    Some(usize),
    /// It holds for none.
    None(usize),
    And(Vec<Self>),
    Or(Vec<Self>),
}

impl Formula {
    pub(super) fn holds(&self, mask: i64) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Some(bit) => mask & (1 << bit) != 0,
            Self::None(bit) => mask & (1 << bit) == 0,
            Self::And(parts) => parts.iter().all(|part| part.holds(mask)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(mask)),
        }
    }

    fn and(parts: Vec<Self>) -> Self {
        if parts.contains(&Self::Never) {
            return Self::Never;
        }
        let parts: Vec<Self> = parts.into_iter().filter(|part| *part != Self::Always).collect();
        if parts.is_empty() { Self::Always } else { Self::And(parts) }
    }

    fn or(parts: Vec<Self>) -> Self {
        if parts.contains(&Self::Always) {
            return Self::Always;
        }
        let parts: Vec<Self> = parts.into_iter().filter(|part| *part != Self::Never).collect();
        if parts.is_empty() { Self::Never } else { Self::Or(parts) }
    }
}

/// The conditions that SQL is asked, and the formula over them.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) conditions: Vec<Condition>,
    pub(super) formula: Formula,
    frame: &'a Frame,
}

impl<'a> Plan<'a> {
    pub(super) fn of(expression: &Expression, frame: &'a Frame) -> Self {
        let mut plan = Self { conditions: Vec::new(), formula: Formula::Always, frame };
        plan.formula = plan.may(expression, true);
        plan
    }

    /// What must hold for the verdict to be able to be yes (`wanted`), or no.
    fn may(&mut self, expression: &Expression, wanted: bool) -> Formula {
        match expression {
            Expression::Test(test) => self.test(test, wanted),
            Expression::Named(_, inner) => self.may(inner, wanted),
            Expression::Not(inner) => self.may(inner, !wanted),
            Expression::And(parts) | Expression::Or(parts) => {
                let is_and = matches!(expression, Expression::And(_));
                let parts = parts.iter().map(|part| self.may(part, wanted)).collect();
                if is_and == wanted { Formula::and(parts) } else { Formula::or(parts) }
            }
        }
    }

    /// Some event must fulfil the condition.
    fn some(&mut self, condition: Condition) -> Formula {
        self.bit(condition).map_or(Formula::Always, Formula::Some)
    }

    /// The place of a condition; `None` where there is no room for it.
    fn bit(&mut self, condition: Condition) -> Option<usize> {
        if let Some(place) = self.conditions.iter().position(|known| *known == condition) {
            return Some(place);
        }
        let room = self.conditions.len() < MOST_CONDITIONS;
        room.then(|| {
            self.conditions.push(condition);
            self.conditions.len() - 1
        })
    }

    fn test(&mut self, test: &Test, wanted: bool) -> Formula {
        match &test.condition {
            filter::Condition::Has(features) => self.features(features, wanted),
            filter::Condition::Number(comparison, limit) => match test.field {
                Field::Tokens => self.some(Condition::Tokens(*comparison, wanted, *limit)),
                _ => Formula::Always,
            },
            filter::Condition::Span(comparison, limit) => self.some(Condition::Latency(*comparison, wanted, *limit)),
            filter::Condition::Moment(comparison, moment) => match moment.at(self.frame) {
                Some(limit) => self.some(Condition::Time(*comparison, wanted, limit.0)),
                // Unknown for every row.
                None => Formula::Never,
            },
            filter::Condition::Like(patterns) => self.text(test.field, Texts::Like(patterns), wanted),
            filter::Condition::Regex(regex) => self.text(test.field, Texts::Regex(regex), wanted),
        }
    }

    fn features(&mut self, features: &[Feature], wanted: bool) -> Formula {
        let parts = features.iter().map(|feature| {
            let condition = match feature {
                Feature::Usage => Some(Condition::Usage),
                feature => flag_of(*feature).map(Condition::Flag),
            };
            let bit = condition.and_then(|condition| self.bit(condition));
            match bit {
                Some(bit) if wanted => Formula::Some(bit),
                Some(bit) => Formula::None(bit),
                // Marks, joins and findings do not stand with the events.
                None => Formula::Always,
            }
        });
        let parts = parts.collect();
        if wanted { Formula::or(parts) } else { Formula::and(parts) }
    }

    fn text(&mut self, field: Field, texts: Texts<'_>, wanted: bool) -> Formula {
        match (field, wanted) {
            (Field::Kind, _) => {
                let among = texts.kinds();
                if among.is_empty() || among.len() == Kind::ALL.len() {
                    let never = among.is_empty() == wanted;
                    return if never { Formula::Never } else { Formula::Always };
                }
                self.some(Condition::Kind { among, wanted })
            }
            (Field::Status, true) => {
                let mut any = texts.states();
                any.push(texts.column("status", false).unwrap_or(Condition::Known("status")));
                self.some(Condition::Any(any))
            }
            (Field::Tool, _) => self.column("tool", texts, wanted),
            (Field::Model, _) => self.column("model", texts, wanted),
            (Field::Provider, _) => self.column("provider", texts, wanted),
            (Field::Participant, _) => self.column("participant", texts, wanted),
            (Field::Error, _) => {
                let column = texts.column("error", true).filter(|_| wanted);
                self.some(column.unwrap_or(Condition::Known("error")))
            }
            (Field::Source, true) => self.columns(&["source"], texts),
            (Field::Type, true) => self.columns(&["event_type"], texts),
            (Field::Who, true) => self.columns(&["tool", "model", "participant", "event_type"], texts),
            (Field::Id, true) => self.columns(&["id", "turn"], texts),
            (Field::Key(kind), true) if !matches!(kind, KeyKind::Session | KeyKind::Room) => match texts.likes(false) {
                Some(likes) => self.some(Condition::Key(Some(kind), likes)),
                None => Formula::Always,
            },
            (Field::Text, true) => self.words(texts),
            _ => Formula::Always,
        }
    }

    /// A column that may be empty: then neither the test nor its opposite holds.
    fn column(&mut self, column: &'static str, texts: Texts<'_>, wanted: bool) -> Formula {
        let like = texts.column(column, false).filter(|_| wanted);
        self.some(like.unwrap_or(Condition::Known(column)))
    }

    fn columns(&mut self, columns: &[&'static str], texts: Texts<'_>) -> Formula {
        let any: Option<Vec<Condition>> = columns.iter().map(|column| texts.column(column, false)).collect();
        any.map_or(Formula::Always, |any| self.some(Condition::Any(any)))
    }

    /// A word may occur in any text of a row.
    fn words(&mut self, texts: Texts<'_>) -> Formula {
        let Some(likes) = texts.likes(true) else { return Formula::Always };
        let columns =
            ["label", "source", "id", "turn", "status", "error", "tool", "model", "participant", "event_type"];
        let mut any: Vec<Condition> = columns.map(|column| Condition::Like(column, likes.clone())).into();
        any.push(Condition::Key(None, likes.clone()));
        any.push(Condition::Home(likes, None));
        any.extend(texts.states());
        let among: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| texts.may_fit(kind.name())).collect();
        if !among.is_empty() {
            any.push(Condition::Kind { among, wanted: true });
        }
        self.some(Condition::Any(any))
    }
}

/// What a text must be.
#[derive(Clone, Copy)]
enum Texts<'a> {
    Like(&'a [Pattern]),
    Regex(&'a Regex),
}

impl Texts<'_> {
    /// Whether it may fit a name: whether it occurs in it, which is no less.
    fn may_fit(self, name: &str) -> bool {
        match self {
            Self::Like(patterns) => patterns.iter().any(|pattern| pattern.occurs_in(name)),
            Self::Regex(regex) => regex.occurs_in(name),
        }
    }

    fn fits(self, name: &str) -> bool {
        match self {
            Self::Like(patterns) => patterns.iter().any(|pattern| pattern.fits(name)),
            Self::Regex(regex) => regex.occurs_in(name),
        }
    }

    fn kinds(self) -> Vec<Kind> {
        Kind::ALL.into_iter().filter(|kind| self.fits(kind.name())).collect()
    }

    /// The conditions under which a row has one of the states that it may fit.
    fn states(self) -> Vec<Condition> {
        let mut conditions = Vec::new();
        for (name, flag) in [("error", flag::ERROR), ("bad", flag::BAD)] {
            if self.may_fit(name) {
                conditions.push(Condition::Flag(flag));
            }
        }
        if ["ok", "no result", "no call"].into_iter().any(|name| self.may_fit(name)) {
            conditions.push(Condition::Kind { among: vec![Kind::Tool], wanted: true });
        }
        conditions
    }

    /// What SQL can compare; `None` where one of the values says nothing to it.
    fn likes(self, anywhere: bool) -> Option<Vec<Like>> {
        match self {
            Self::Like(patterns) if patterns.len() <= MOST_VALUES => {
                patterns.iter().map(|pattern| Like::of(pattern, anywhere)).collect()
            }
            _ => None,
        }
    }

    fn column(self, column: &'static str, anywhere: bool) -> Option<Condition> {
        self.likes(anywhere).map(|likes| Condition::Like(column, likes))
    }
}

fn flag_of(feature: Feature) -> Option<i64> {
    Some(match feature {
        Feature::Error => flag::ERROR,
        Feature::Truncated => flag::TRUNCATED,
        Feature::Bad => flag::BAD,
        Feature::Unknown => flag::UNKNOWN,
        Feature::Conflict => flag::CONFLICT,
        Feature::Superseded => flag::SUPERSEDED,
        Feature::Purged => flag::PURGED,
        Feature::Inferred => flag::INFERRED_TIME,
        Feature::Inherited => flag::INHERITED,
        Feature::Sidechain => flag::SIDECHAIN,
        Feature::Twin => flag::TWIN,
        Feature::Backwards => flag::TIME_RAN_BACK,
        Feature::Implausible => flag::IMPLAUSIBLE_USAGE,
        Feature::Usage
        | Feature::Note
        | Feature::Mark
        | Feature::Orphan
        | Feature::Ambiguous
        | Feature::Joined
        | Feature::Finding => return None,
    })
}
