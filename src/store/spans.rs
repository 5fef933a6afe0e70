//! What follows from several spans of a session: which calls report again what others inside them report, and what
//! the session is called.
//!
//! It looks at what is stored and not at what came last: the answer is the same in whichever order spans arrived.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Result;

use super::engine::{On, Row, Statement, Transaction, query};
use super::rows;
use super::tally::{Moved, Stand};
use crate::domain::{KeyKind, Kind, Via, flag};

/// A parent of a parent of a parent: longer chains are walked no further.
pub(super) const HIGHEST: usize = 256;
/// Calls of another sort, whose tokens are never those of the call around them.
const OF_ITS_OWN: &str = "embedding";

/// One span, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub event: i64,
    /// Where it stands in the timeline.
    pub place: Place,
    /// The number of the key that is its id, and of that of its parent.
    pub id: Option<i64>,
    pub parent: Option<i64>,
    /// It is a call of a model that reports tokens.
    pub reports: bool,
    /// Its tokens are of another sort than those of the calls around it.
    pub is_apart: bool,
    /// What the provider called the answer.
    pub answer: Option<i64>,
    pub stand: Stand,
}

/// Time, origin, sequence, id and revision.
pub(super) type Place = (i64, i64, i64, String, i64);

/// The columns that [`Span::of`] reads.
pub(super) const COLUMNS: &str = "events.event, events.kind, events.event_type, events.keys, events.flags, \
     events.usage_rule IS NOT NULL, events.turn_hash, events.phase, events.order_time, events.origin, events.sequence, \
     events.id, events.revision";

/// The place of [`COLUMNS`] at which the keys stand.
pub(super) const KEYS: usize = 3;

impl Span {
    /// A span from a row and the kinds of its keys.
    pub(super) fn of(row: &Row, kinds: &HashMap<i64, KeyKind>) -> Result<Self> {
        let keys: Vec<(i64, Via, KeyKind)> = rows::read_keys(row.try_get(KEYS)?)
            .filter_map(|(number, rule)| Some((number, Via::of(rule), *kinds.get(&number)?)))
            .collect();
        let key = |kind: KeyKind, via: Via| {
            keys.iter().find(|(_, known, of)| *known == via && *of == kind).map(|(number, ..)| *number)
        };
        let (event_type, flags): (&str, i64) = (row.try_get(2)?, row.try_get(4)?);
        // What a newer telling of the same span says instead counts there.
        let speaks = flags & flag::SUPERSEDED == 0;
        Ok(Self {
            event: row.try_get(0)?,
            place: (row.try_get(8)?, row.try_get(9)?, row.try_get(10)?, row.try_get(11)?, row.try_get(12)?),
            id: key(KeyKind::Span, Via::Same),
            parent: key(KeyKind::Span, Via::ParentSpan),
            reports: speaks && rows::kind_of(row.try_get(1)?)? == Kind::Model && row.try_get(5)?,
            is_apart: event_type.contains(OF_ITS_OWN),
            answer: key(KeyKind::ProviderRequest, Via::Same),
            stand: Stand { turn: row.try_get(6)?, phase: rows::phase_of(row.try_get(7)?)?, flags },
        })
    }

    /// A call whose tokens may be those of a call inside it, or around it.
    pub(super) fn counts(&self) -> bool {
        self.reports && !self.is_apart
    }

    /// The stand that it has when its tokens are reported by others too, or are not.
    pub(super) fn stands(&self, is_repeat: bool) -> Stand {
        let flags = self.stand.flags & !flag::REPEATS_USAGE;
        Stand { flags: if is_repeat { flags | flag::REPEATS_USAGE } else { flags }, ..self.stand }
    }
}

/// Flags the calls of a session whose tokens others report, and takes the flag from those that no longer are.
///
/// It reads all of the session. Returns what stands otherwise now.
pub(super) async fn flag_all(connection: &mut Transaction, session: i64) -> Result<Vec<Moved>> {
    let spans = spans(connection, session).await?;
    let repeats = repeats(&spans);
    put(connection, session, spans.iter().map(|span| (span, repeats.contains_key(&span.event)))).await
}

/// Stores which spans are repeats. Returns what stands otherwise now.
pub(super) async fn put<'a>(
    connection: &mut Transaction,
    session: i64,
    told: impl Iterator<Item = (&'a Span, bool)>,
) -> Result<Vec<Moved>> {
    let steps = told.map(|(span, is_repeat)| Moved {
        session,
        event: span.event,
        before: span.stand,
        now: span.stands(is_repeat),
    });
    let moved: Vec<Moved> = steps.filter(|step| step.before != step.now).collect();
    for (statement, is_repeat) in
        [("UPDATE events SET flags = flags | ", true), ("UPDATE events SET flags = flags & ~", false)]
    {
        let events = moved.iter().filter(|step| (step.now.flags & flag::REPEATS_USAGE != 0) == is_repeat);
        let events: Vec<i64> = events.map(|step| step.event).collect();
        for chunk in events.chunks(rows::CHUNK) {
            let mut update = Statement::new(statement);
            update.push_bind(flag::REPEATS_USAGE).push(" WHERE event IN (").push_list(chunk.iter().copied());
            update.push(")").build().execute(&mut *connection).await?;
        }
    }
    Ok(moved)
}

/// Which of the events with the id of a span, in timeline order, is taken for it: log records and lines of a transcript
/// have the id of their span, and are not it.
pub(super) fn speaker<'a>(same: impl Iterator<Item = &'a Span>) -> Option<&'a Span> {
    let spans = same.filter(|span| span.reports || span.parent.is_some());
    spans.reduce(|known, span| if known.reports { known } else { span })
}

/// The events whose tokens are reported by others too, each with one that does.
fn repeats(spans: &[Span]) -> BTreeMap<i64, i64> {
    let mut by_id: HashMap<i64, &Span> = HashMap::new();
    for span in spans {
        let Some(id) = span.id else { continue };
        if let Some(speaker) = speaker([by_id.get(&id).copied(), Some(span)].into_iter().flatten()) {
            by_id.insert(id, speaker);
        }
    }
    let mut repeats = BTreeMap::new();
    for inner in spans.iter().filter(|span| span.counts()) {
        let next = |span: &&Span| span.parent.and_then(|parent| by_id.get(&parent)).copied();
        let above: Vec<&Span> = std::iter::successors(next(&inner), next).take(HIGHEST).collect();
        // Spans that name each other as parents wrap nothing.
        if above.iter().all(|outer| outer.event != inner.event) {
            let outer = above.into_iter().filter(|outer| outer.counts());
            repeats.extend(outer.map(|outer| (outer.event, inner.event)));
        }
    }
    // Two instrumentations of one call: the same answer, told by two spans. The first of the innermost counts.
    let mut told: HashMap<i64, i64> = HashMap::new();
    for span in spans.iter().filter(|span| span.reports && !repeats.contains_key(&span.event)).collect::<Vec<_>>() {
        let Some(answer) = span.answer else { continue };
        match told.get(&answer) {
            Some(first) => drop(repeats.insert(span.event, *first)),
            None => drop(told.insert(answer, span.event)),
        }
    }
    repeats
}

/// The spans of a session, in timeline order.
async fn spans(connection: &mut Transaction, session: i64) -> Result<Vec<Span>> {
    let statement =
        format!("SELECT {COLUMNS} FROM events WHERE session = $1 ORDER BY order_time, origin, sequence, id, revision");
    let found = query(statement).bind(session).fetch_all(&mut *connection).await?;
    let mut known = HashMap::new();
    learn_kinds(connection, &found, &mut known).await?;
    found.iter().map(|row| Span::of(row, &known)).collect()
}

/// Looks up the kinds of those keys of events that are not known and matter here.
pub(super) async fn learn_kinds(
    on: impl Into<On<'_>>,
    events: &[Row],
    known: &mut HashMap<i64, KeyKind>,
) -> Result<()> {
    let mut on = on.into();
    let mut numbers = BTreeSet::new();
    for row in events {
        numbers.extend(rows::read_keys(row.try_get(KEYS)?).map(|(number, _)| number));
    }
    let numbers: Vec<i64> = numbers.into_iter().filter(|number| !known.contains_key(number)).collect();
    let kinds = [KeyKind::Span, KeyKind::ProviderRequest].map(|kind| rows::key_code(kind).to_string()).join(", ");
    for chunk in numbers.chunks(rows::CHUNK) {
        let mut query = Statement::new("SELECT key, kind FROM keys WHERE key IN (");
        query.push_list(chunk.iter().copied());
        // The plus keeps SQLite from going through all keys of the kinds.
        query.push(format_args!(") AND +kind IN ({kinds})"));
        for row in query.build().fetch_all(on.again()).await? {
            known.insert(row.try_get(0)?, rows::key_of(row.try_get(1)?)?);
        }
    }
    Ok(())
}

/// Those of some sessions that have spans and log records.
pub(super) async fn of_spans(connection: &mut Transaction, sessions: &[i64]) -> Result<Vec<i64>> {
    let statement = "SELECT DISTINCT sessions.session FROM sessions JOIN tellings ON tellings.session = sessions.id \
                     WHERE tellings.agent = 'otel' AND sessions.session IN (";
    super::settle::of_these(connection, statement, sessions).await
}

/// The first event of a session in timeline order for which a condition holds; what has no time comes last.
fn first(session: &str, what: &str, condition: &str) -> String {
    let of = |times: &str| {
        format!(
            "(SELECT {what} FROM events WHERE events.session = {session} AND {times}{condition} \
             ORDER BY order_time, origin, sequence, id, revision LIMIT 1)"
        )
    };
    format!("coalesce({}, {}, {})", of("order_time < 0"), of("order_time > 0"), of("order_time = 0"))
}

const LABELLED: &str = " AND label <> ''";

/// Names a session that has nothing else after the first thing that was asked in it, and its project after who began
/// it.
pub(super) async fn name_session(connection: &mut Transaction, session: i64) -> Result<()> {
    let (title, project) = named_after_events("$1");
    let statement =
        format!("UPDATE sessions SET title = {title}, project = {project} WHERE session = $1 AND agent = 'otel'");
    query(statement).bind(session).execute(connection).await?;
    Ok(())
}

/// The title and the project of a session as its events have them.
pub(super) fn named_after_events(session: &str) -> (String, String) {
    let asked = "(SELECT min(value) FROM attributes WHERE attributes.event = events.event AND name = 'asked')";
    let is_asked = " AND EXISTS (SELECT 1 FROM attributes WHERE attributes.event = events.event AND name = 'asked')";
    let title = format!("coalesce({}, {})", first(session, asked, is_asked), first(session, "label", LABELLED));
    (title, first(session, "source", ""))
}

/// The same with some events that are new: they change nothing where none of them is asked anything or stands first.
pub(super) async fn name_after(connection: &mut Transaction, session: i64, new: &[i64]) -> Result<()> {
    let statement = format!("SELECT {}, {}", first("$1", "event", LABELLED), first("$1", "event", ""));
    let row = query(statement).bind(session).fetch_one(&mut *connection).await?;
    let firsts: [Option<i64>; 2] = [row.try_get(0)?, row.try_get(1)?];
    let asked = "SELECT event FROM attributes WHERE name = 'asked' AND event IN (";
    if firsts.into_iter().flatten().any(|first| new.contains(&first))
        || !super::settle::of_these(connection, asked, new).await?.is_empty()
    {
        name_session(connection, session).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Phase;

    fn span(event: i64, parent: Option<i64>, reports: bool) -> Span {
        let stand = Stand { turn: 0, phase: Phase::Whole, flags: 0 };
        let place = (event, 0, 0, String::new(), 0);
        Span { event, place, id: Some(event), parent, reports, is_apart: false, answer: None, stand }
    }

    fn events(spans: &[Span]) -> Vec<i64> {
        repeats(spans).into_keys().collect()
    }

    #[test]
    fn a_call_around_another_counts_nothing_whatever_stands_between() {
        let spans = [span(1, None, true), span(2, Some(1), false), span(3, Some(2), true), span(4, Some(1), true)];
        assert_eq!(events(&spans), [1]);
        let backwards: Vec<Span> = spans.into_iter().rev().collect();
        assert_eq!(events(&backwards), [1]);
    }

    #[test]
    fn a_call_around_an_embedding_or_around_nothing_that_reports_counts() {
        let embedding = Span { is_apart: true, ..span(2, Some(1), true) };
        assert_eq!(events(&[span(1, None, true), embedding, span(3, Some(1), false)]), Vec::<i64>::new());
    }

    #[test]
    fn one_answer_told_by_two_spans_counts_once() {
        let told = |event, parent, reports| Span { answer: Some(90), ..span(event, parent, reports) };
        assert_eq!(events(&[told(1, None, true), told(2, None, true)]), [2]);
        assert_eq!(events(&[told(1, None, true), told(2, Some(1), true)]), [1]);
    }

    #[test]
    fn a_log_record_with_the_id_of_a_span_is_not_that_span() {
        let log = Span { id: Some(2), ..span(9, None, false) };
        assert_eq!(events(&[span(1, None, true), span(2, Some(1), false), log, span(3, Some(2), true)]), [1]);
    }

    #[test]
    fn spans_that_name_each_other_as_parents_end() {
        assert_eq!(events(&[span(1, Some(2), true), span(2, Some(1), true)]), Vec::<i64>::new());
        assert_eq!(events(&[span(1, Some(1), true)]), Vec::<i64>::new());
    }
}
