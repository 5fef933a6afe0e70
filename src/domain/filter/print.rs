//! Writes a filter in the words of its language, so that reading it again gives the same filter.

use std::fmt::{self, Display, Formatter};

use super::moment::write_span;
use super::parse::{ends_value, ends_word, is_keyword, reads_as_test};
use super::{Condition, Expression, Feature, Field, Pattern, Sort, Test};

impl Display for Expression {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Test(test) => test.fmt(formatter),
            Self::Named(name, _) => write!(formatter, "@{name}"),
            Self::Not(inner) => {
                formatter.write_str("not ")?;
                part(inner, matches!(**inner, Self::And(_) | Self::Or(_)), formatter)
            }
            Self::And(parts) => {
                for (index, one) in parts.iter().enumerate() {
                    formatter.write_str(if index > 0 { " " } else { "" })?;
                    part(one, matches!(one, Self::Or(_)), formatter)?;
                }
                Ok(())
            }
            Self::Or(parts) => {
                for (index, one) in parts.iter().enumerate() {
                    formatter.write_str(if index > 0 { " or " } else { "" })?;
                    one.fmt(formatter)?;
                }
                Ok(())
            }
        }
    }
}

fn part(one: &Expression, enclosed: bool, formatter: &mut Formatter<'_>) -> fmt::Result {
    if enclosed { write!(formatter, "({one})") } else { one.fmt(formatter) }
}

impl Display for Test {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let name = self.field.name();
        match &self.condition {
            // A bare word.
            Condition::Like(patterns) if self.field == Field::Text && patterns.len() == 1 => {
                formatter.write_str(&word(&patterns[0]))
            }
            Condition::Like(patterns) => {
                let values: Vec<String> = patterns.iter().map(value).collect();
                write!(formatter, "{name}:{}", values.join(","))
            }
            Condition::Regex(regex) => write!(formatter, "{name}~{}", quoted(regex.written())),
            Condition::Number(comparison, number) => write!(formatter, "{name}{}{number}", comparison.sign()),
            Condition::Span(comparison, span) => write!(formatter, "{name}{}{}", comparison.sign(), write_span(*span)),
            Condition::Moment(_, moment) if self.field.sort() == Sort::Bound => {
                write!(formatter, "{name}:{}", spaced(&moment.to_string()))
            }
            Condition::Moment(comparison, moment) => {
                write!(formatter, "{name}{}{}", comparison.sign(), spaced(&moment.to_string()))
            }
            Condition::Has(features) => {
                let names: Vec<&str> = features.iter().map(|feature: &Feature| feature.name()).collect();
                write!(formatter, "{name}:{}", names.join(","))
            }
        }
    }
}

/// A moment in quotes where it is several words.
fn spaced(moment: &str) -> String {
    if moment.contains(' ') { quoted(moment) } else { moment.to_owned() }
}

/// A value with quotes where it needs them.
pub(super) fn value(pattern: &Pattern) -> String {
    let written = pattern.written();
    let plain = !written.is_empty() && !written.chars().any(|letter| ends_value(letter) || letter == '\\');
    if plain { written.to_owned() } else { quoted(written) }
}

fn word(pattern: &Pattern) -> String {
    let written = pattern.written();
    let plain = !written.is_empty()
        && !written.chars().any(|letter| ends_word(letter) || matches!(letter, '\\' | '<' | '>' | '=' | '~' | ':'))
        && !written.starts_with('@')
        && !is_keyword(written)
        && !reads_as_test(written);
    if plain { written.to_owned() } else { quoted(written) }
}

/// In quotes; a quote inside has a `\` before it, and so a `\` never stands alone at the end.
fn quoted(written: &str) -> String {
    let mut text = String::from("\"");
    let mut letters = written.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => text.extend(['\\', letters.next().unwrap_or('\\')]),
            '"' => text.push_str("\\\""),
            letter => text.push(letter),
        }
    }
    text.push('"');
    text
}
