//! What `--where`, `--from` and `--to` choose: read against the saved filters, told with a caret where it is wrong.

use anyhow::Result;
use unicode_width::UnicodeWidthStr;

use super::zone::Zone;
use super::{usage, when};
use crate::cli::Rows;
use crate::domain::filter::{Comparison, Expression, Fault, Field, Filter, Frame, Saved, Scope};
use crate::domain::safe;
use crate::store::Store;

/// The rows that are wanted.
#[derive(Debug)]
pub struct Wanted {
    pub expression: Expression,
    /// Without a start: that is the session's.
    pub frame: Frame,
    /// In words, for those who read what was chosen.
    pub why: String,
}

impl Wanted {
    /// What the options choose; `None` where they choose all rows.
    pub async fn read(store: &Store, rows: &Rows, zone: &Zone) -> Result<Option<Self>> {
        let saved = if rows.filter.as_deref().is_some_and(|text| text.contains('@')) {
            store.saved_filters().await?
        } else {
            Saved::new()
        };
        let mut parts = Vec::new();
        let mut why = Vec::new();
        if let Some(text) = &rows.filter {
            let filter = Filter::parse(text, Scope::Rows, &saved).map_err(|fault| usage(pointed(text, &fault)))?;
            if let Some(filter) = filter {
                why.push(format!("filter \"{}\"", filter.text));
                parts.push(filter.expression);
            }
        }
        for (name, time, comparison) in
            [("--from", &rows.from, Comparison::AtLeast), ("--to", &rows.to, Comparison::AtMost)]
        {
            if let Some(text) = time {
                why.push(format!("{} {text}", name.trim_start_matches('-')));
                parts.push(Expression::moment(Field::At, comparison, when::read(name, text)?));
            }
        }
        let frame = Frame { now: when::now(), offset: zone.offset(), start: None };
        Ok(Expression::and(parts).map(|expression| Self { expression, frame, why: why.join(" ") }))
    }
}

/// The fault, and below it the text with a caret where it is wrong.
fn pointed(text: &str, fault: &Fault) -> String {
    let column = safe(&text[..fault.at]).width();
    format!("{fault}\n  {}\n  {}^", safe(text), " ".repeat(column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caret_stands_below_what_is_wrong() {
        let text = "日本 \u{1b} tol:x";
        let fault = Filter::parse(text, Scope::Rows, &Saved::new()).expect_err("unknown");
        let lines: Vec<String> = pointed(text, &fault).lines().map(str::to_owned).collect();
        assert_eq!(lines[0], "unknown field \"tol\" at 6; did you mean \"tool\"?");
        assert_eq!(lines[1].find("tol").map(|at| lines[1][..at].width()), Some(lines[2].len() - 1));
    }
}
