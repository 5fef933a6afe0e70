//! What lists show of events, read in bulk: for looking through a million of them.

use std::collections::HashMap;

use anyhow::Result;

use super::engine::{Row, Statement};
use super::{Store, rows};
use crate::domain::{Event, Order, Timestamp};

/// Numbers that lie as close as this are asked for as one run.
const SPARSE: i64 = 4;
/// Before each event, and before its words.
const EVENT: char = '\u{1e}';
const WORDS: char = '\u{1f}';

impl Store {
    /// Those of these events of whose words in a list a test holds; they are given to it one below the other.
    pub async fn saying(&self, numbers: &[i64], test: impl Fn(&str) -> bool) -> Result<Vec<i64>> {
        let mut query = Statement::new("SELECT string_agg(");
        query.push_bind(EVENT.to_string()).push(" || event || ").push_bind(WORDS.to_string());
        query.push(" || replace(event_type");
        for column in ["status", "tool", "model", "participant", "label"] {
            query.push(" || ").push_bind("\n").push(format_args!(" || coalesce({column}, '')"));
        }
        query.push(", ").push_bind(EVENT.to_string()).push(", ' '), '') FROM events WHERE event ");
        among(&mut query, numbers);
        let text: Option<String> = query.build().persistent(false).fetch_one(&self.readers).await?.try_get(0)?;
        let wanted: std::collections::HashSet<i64> = numbers.iter().copied().collect();
        let said = text.iter().flat_map(|text| text.split(EVENT)).filter_map(|event| event.split_once(WORDS));
        let found = said.filter(|(_, words)| test(words)).filter_map(|(number, _)| number.parse().ok());
        Ok(found.filter(|number| wanted.contains(number)).collect())
    }

    /// Events by number, in the order asked for, with no more than a list shows of them. Those not there are left out.
    pub async fn listed(&self, numbers: &[i64]) -> Result<Vec<Event>> {
        let mut found: HashMap<i64, Event> = HashMap::with_capacity(numbers.len());
        for chunk in numbers.chunks(rows::CHUNK) {
            let mut query = Statement::new(
                "SELECT events.event, kind, source, event_type, status, label, phase, tool, model, participant, flags, \
                 order_time, origin, sequence, attributes.value FROM events LEFT JOIN attributes \
                 ON attributes.event = events.event AND attributes.name = 'says' WHERE events.event IN (",
            );
            query.push_list(chunk.iter().copied());
            for row in query.push(")").build().persistent(chunk.len() == rows::CHUNK).fetch_all(&self.readers).await? {
                let event = listed(&row)?;
                found.insert(event.number, event);
            }
        }
        Ok(numbers.iter().filter_map(|number| found.remove(number)).collect())
    }
}

/// These numbers, and where they are close together those in between.
fn among(query: &mut Statement, numbers: &[i64]) {
    let (first, last) = (numbers.iter().min().copied().unwrap_or(0), numbers.iter().max().copied().unwrap_or(-1));
    if last - first < numbers.len() as i64 * SPARSE {
        query.push("BETWEEN ").push_bind(first).push(" AND ").push_bind(last);
        return;
    }
    query.push("IN (");
    query.push_list(numbers.iter().copied());
    query.push(")");
}

fn listed(row: &Row) -> Result<Event> {
    let mut event = Event::new(rows::kind_of(row.try_get(1)?)?, row.try_get(2)?, row.try_get(3)?);
    event.number = row.try_get(0)?;
    (event.status, event.label) = (row.try_get(4)?, row.try_get(5)?);
    event.phase = rows::phase_of(row.try_get(6)?)?;
    (event.tool, event.model, event.participant) = (row.try_get(7)?, row.try_get(8)?, row.try_get(9)?);
    event.flags = row.try_get(10)?;
    event.order = Order { time: Timestamp(row.try_get(11)?), origin: row.try_get(12)?, sequence: row.try_get(13)? };
    event.attributes.extend(row.try_get::<Option<String>>(14)?.map(|says| ("says".to_owned(), says)));
    Ok(event)
}
