//! Copies: of one event that several records tell, the telling that says the most is the one that is shown, whichever
//! came first.

use std::collections::HashMap;

use anyhow::Result;

use super::engine::{Statement, Transaction};
use super::rows::{self, EventRow};
use super::states::{Age, End, Place, Sort};
use crate::domain::{ENDED, Kind, NOTED, Phase, Role, flag};

/// Flags that say how an event stands among others, whichever telling of it is shown.
const RECKONED: i64 = flag::INHERITED | flag::CONFLICT | flag::SUPERSEDED | flag::REPEATS_USAGE;

/// What one telling of an event is worth; the greatest is shown. Where all else is equal the place decides: the earliest
/// time, then the origin and the place in it, and at last the bytes of the record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Worth {
    bodies: i64,
    /// The bytes of all bodies.
    size: i64,
    /// What is cut or missing counts against it.
    faults: std::cmp::Reverse<i64>,
    /// How many keys and attributes it has.
    said: i64,
    /// Whether it was read from the record itself; a slice carries the record along.
    is_first_hand: bool,
    place: std::cmp::Reverse<(i64, i64, i64)>,
    record: std::cmp::Reverse<Option<Vec<u8>>>,
}

impl Worth {
    pub(super) fn of(row: &EventRow<'_>) -> Self {
        let event = &row.new.event;
        let bodies = || row.new.bodies.iter().filter(|body| body.role != Role::Raw);
        let noted = event.attributes.iter().filter(|(name, _)| NOTED.contains(&name.as_str())).count() as i64;
        Self {
            bodies: bodies().count() as i64,
            size: bodies().map(|body| body.size).sum(),
            faults: faults(event.flags, noted),
            said: (event.keys.len() + event.attributes.len()) as i64,
            is_first_hand: row.new.bodies.iter().all(|body| body.role != Role::Raw),
            place: place(event.order.time.0, event.order.origin, event.order.sequence),
            record: std::cmp::Reverse(row.record.map(|_| row.digest.to_vec())),
        }
    }
}

fn faults(flags: i64, noted: i64) -> std::cmp::Reverse<i64> {
    std::cmp::Reverse(noted + i64::from(flags & flag::TRUNCATED != 0))
}

fn place(time: i64, origin: i64, sequence: i64) -> std::cmp::Reverse<(i64, i64, i64)> {
    std::cmp::Reverse((time_of(time), origin, sequence))
}

/// What has no time yet stands behind what has one.
pub(super) fn time_of(time: i64) -> i64 {
    if time == 0 { i64::MAX } else { time }
}

/// An event as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub worth: Worth,
    pub kind: Kind,
    /// When its span ended.
    pub end: End,
    /// Whether counts hang on more of it than that it is there: its usage, its error, a half of a call.
    pub is_counted: bool,
    place: Place,
    /// How many keys, attributes and bodies it has.
    said: i64,
    pub record: Option<i64>,
    pub keys: Vec<i64>,
    received: i64,
    expires: Option<i64>,
    flags: i64,
}

impl Stored {
    /// What the store itself found out of the event, kept with another telling of it.
    pub(super) fn hand_on(&self, row: &mut EventRow<'_>) {
        row.extra |= self.flags & RECKONED;
        row.received = self.received;
        row.expires = self.expires;
    }

    pub(super) fn is_superseded(&self) -> bool {
        self.flags & flag::SUPERSEDED != 0
    }

    pub(super) fn age(&self, sort: Sort) -> Age {
        Age::new(sort, self.place, self.end, self.said)
    }

    /// Stored events by their numbers.
    pub(super) async fn all(connection: &mut Transaction, numbers: &[i64]) -> Result<HashMap<i64, Self>> {
        let names = NOTED.map(|name| format!("'{name}'")).join(", ");
        let mut all = HashMap::with_capacity(numbers.len());
        for chunk in rows::wanted(connection.engine(), numbers) {
            let mut query = Statement::new(
                "SELECT events.event, events.order_time, events.origin, events.sequence, events.flags, events.received, \
                 events.expires, events.record, records.digest, events.keys, \
                 (SELECT count(*) FROM attributes WHERE attributes.event = events.event), \
                 (SELECT count(*) FROM attributes WHERE attributes.event = events.event AND attributes.name IN (",
            );
            query.push(&names).push(")), ");
            for (sum, compared) in
                [("count(*)", " <> "), ("CAST(coalesce(sum(size), 0) AS BIGINT)", " <> "), ("count(*)", " = ")]
            {
                query.push(format_args!(
                    "(SELECT {sum} FROM bodies WHERE bodies.event = events.event AND role{compared}{}), ",
                    Role::Raw as i64
                ));
            }
            query.push(format_args!(
                "(SELECT value FROM attributes WHERE attributes.event = events.event AND attributes.name = '{ENDED}' \
                 ORDER BY position LIMIT 1), "
            ));
            query.push(
                "events.kind, events.phase, events.usage_rule IS NOT NULL FROM events LEFT JOIN records ON records.record = events.record WHERE events.event IN (",
            );
            query.push_wanted(chunk, |mut row, number| {
                row.push_bind(*number);
            });
            for row in query.push(")").build().fetch_all(&mut *connection).await? {
                let (time, origin, sequence): (i64, i64, i64) = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
                let keys: Vec<i64> = rows::read_keys(row.try_get(9)?).map(|(key, _)| key).collect();
                let (flags, said): (i64, i64) = (row.try_get(4)?, keys.len() as i64 + row.try_get::<i64>(10)?);
                let bodies = row.try_get(12)?;
                let worth = Worth {
                    bodies,
                    size: row.try_get(13)?,
                    faults: faults(flags, row.try_get(11)?),
                    said,
                    is_first_hand: row.try_get::<i64>(14)? == 0,
                    place: place(time, origin, sequence),
                    record: std::cmp::Reverse(row.try_get(8)?),
                };
                let end = super::states::end(row.try_get(15)?);
                let kind = rows::kind_of(row.try_get(16)?)?;
                let is_half = matches!(rows::phase_of(row.try_get(17)?)?, Phase::Call | Phase::Result);
                let is_counted = is_half || row.try_get(18)? || flags & (flag::ERROR | flag::CONFLICT) != 0;
                let (place, said) = ((time, origin, sequence), said + bodies);
                let (received, expires, record) = (row.try_get(5)?, row.try_get(6)?, row.try_get(7)?);
                let stored = Self { worth, kind, end, is_counted, place, said, record, keys, received, expires, flags };
                all.insert(row.try_get(0)?, stored);
            }
        }
        Ok(all)
    }
}

/// Takes events away so that other tellings of them can be stored under their numbers: events, and pairs of their keys
/// and them.
pub(super) async fn clear(connection: &mut Transaction, events: &[i64], keys: &[(i64, i64)]) -> Result<()> {
    super::count::must_count_anew(connection, events).await?;
    rows::delete_event_keys(connection, keys).await?;
    for chunk in rows::wanted(connection.engine(), events) {
        for statement in [
            "DELETE FROM event_ids WHERE (id, session, revision) IN \
             (SELECT id, session, revision FROM events WHERE event IN (",
            "DELETE FROM attributes WHERE (event IN (",
            "DELETE FROM bodies WHERE (event IN (",
            "DELETE FROM events WHERE (event IN (",
        ] {
            let mut query = Statement::new(statement);
            query.push_wanted(chunk, |mut row, number| {
                row.push_bind(*number);
            });
            query.push("))").build().execute(&mut *connection).await?;
        }
    }
    Ok(())
}
