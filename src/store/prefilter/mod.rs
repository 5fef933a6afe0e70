//! Narrows down in SQL which rows a filter can match, and never loses one; whoever asks decides in Rust.
//!
//! A row of a timeline may be several events. So SQL answers, event by event, which of the filter's conditions hold,
//! and a row may match when its events together fulfil the formula. What SQL cannot say for certain counts as fulfilled.

mod condition;
mod plan;

use anyhow::Result;
use futures_util::TryStreamExt;

use super::Store;
use super::engine::Statement;
use crate::domain::filter::{Expression, Frame};
use condition::Condition;
use plan::{Formula, Plan};

/// With more sessions and rooms than this, they narrow nothing down.
const MOST_HOMES: i64 = 24;

/// What SQL found out about the events of a session.
#[derive(Debug)]
pub struct Prefilter {
    formula: Formula,
    /// Events in order, each with a bit for every condition that it fulfils; those that fulfil none are left out.
    found: Vec<(i64, i64)>,
}

impl Prefilter {
    /// Whether the row with these events can match at all.
    pub fn may_match(&self, members: &[i64]) -> bool {
        let mask = members.iter().fold(0, |mask, number| mask | self.mask(*number));
        self.formula.holds(mask)
    }

    fn mask(&self, event: i64) -> i64 {
        self.found.binary_search_by_key(&event, |(number, _)| *number).map_or(0, |place| self.found[place].1)
    }
}

impl Store {
    /// Asks SQL which events of a session fulfil the conditions of a filter; `None` where that narrows nothing down.
    pub async fn prefilter(&self, session: i64, expression: &Expression, frame: &Frame) -> Result<Option<Prefilter>> {
        let mut plan = Plan::of(expression, frame);
        if plan.formula == Formula::Always {
            return Ok(None);
        }
        for condition in &mut plan.conditions {
            self.find_homes(condition).await?;
        }
        let mut found = Vec::new();
        if !plan.conditions.is_empty() {
            let mut query = Statement::new("SELECT event, mask FROM (SELECT event, ");
            for (bit, condition) in plan.conditions.iter().enumerate() {
                query.push(if bit > 0 { " + CASE WHEN " } else { "CASE WHEN " });
                condition.push(&mut query);
                query.push(" THEN ").push_bind(1i64 << bit).push(" ELSE 0 END");
            }
            query.push(" AS mask FROM events WHERE session = ").push_bind(session).push(") AS tested WHERE mask <> 0");
            let mut rows = query.build().persistent(false).fetch(&self.readers);
            while let Some(row) = rows.try_next().await? {
                found.push((row.try_get(0)?, row.try_get(1)?));
            }
        }
        found.sort_unstable();
        Ok(Some(Prefilter { formula: plan.formula, found }))
    }

    /// Looks up which sessions and rooms a condition means.
    async fn find_homes(&self, condition: &mut Condition) -> Result<()> {
        let Condition::Any(parts) = condition else { return Ok(()) };
        for part in parts {
            if let Condition::Home(likes, numbers) = part {
                let mut query = condition::home_keys(likes, MOST_HOMES + 1);
                let rows = query.build().persistent(false).fetch_all(&self.readers).await?;
                if rows.len() as i64 <= MOST_HOMES {
                    *numbers = Some(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?);
                }
            }
        }
        Ok(())
    }
}
