//! What follows from several spans of a session: which calls report again what others inside them report, and what
//! the session is called.
//!
//! It looks at what is stored and not at what came last: the answer is the same in whichever order spans arrived.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Result;

use super::engine::{Row, Statement, Transaction, query};
use super::rows;
use crate::domain::{KeyKind, Kind, Via, flag};

/// A parent of a parent of a parent: longer chains are walked no further.
const HIGHEST: usize = 256;
/// Calls of another sort, whose tokens are never those of the call around them.
const OF_ITS_OWN: &str = "embedding";

/// One span, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    event: i64,
    /// The number of the key that is its id, and of that of its parent.
    id: Option<i64>,
    parent: Option<i64>,
    /// It is a call of a model that reports tokens.
    reports: bool,
    /// Its tokens are of another sort than those of the calls around it.
    is_apart: bool,
    /// What the provider called the answer.
    answer: Option<i64>,
    is_flagged: bool,
}

/// Flags the calls of a session whose tokens others report, and takes the flag from those that no longer are.
///
/// Says whether anything has changed.
pub(super) async fn flag_wrappers(connection: &mut Transaction, session: i64) -> Result<bool> {
    let spans = spans(connection, session).await?;
    let repeats = repeats(&spans);
    let mut has_changed = false;
    for span in &spans {
        let is_repeat = repeats.contains_key(&span.event);
        if is_repeat == span.is_flagged {
            continue;
        }
        has_changed = true;
        let statement = if is_repeat {
            "UPDATE events SET flags = flags | $1 WHERE event = $2"
        } else {
            "UPDATE events SET flags = flags & ~$1 WHERE event = $2"
        };
        query(statement).bind(flag::REPEATS_USAGE).bind(span.event).execute(&mut *connection).await?;
    }
    Ok(has_changed)
}

/// The events whose tokens are reported by others too, each with one that does.
fn repeats(spans: &[Span]) -> BTreeMap<i64, i64> {
    // Log records and lines of a transcript have the id of their span, and are not it.
    let mut by_id: HashMap<i64, &Span> = HashMap::new();
    for span in spans.iter().filter(|span| span.reports || span.parent.is_some()) {
        let Some(id) = span.id else { continue };
        by_id.entry(id).and_modify(|known| *known = if known.reports { known } else { span }).or_insert(span);
    }
    let mut repeats = BTreeMap::new();
    for inner in spans.iter().filter(|span| span.reports && !span.is_apart) {
        let next = |span: &&Span| span.parent.and_then(|parent| by_id.get(&parent)).copied();
        let above: Vec<&Span> = std::iter::successors(next(&inner), next).take(HIGHEST).collect();
        // Spans that name each other as parents wrap nothing.
        if above.iter().all(|outer| outer.event != inner.event) {
            let outer = above.into_iter().filter(|outer| outer.reports && !outer.is_apart);
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
    let found = query(
        "SELECT event, kind, event_type, keys, flags, usage_rule IS NOT NULL FROM events WHERE session = $1 \
         ORDER BY order_time, origin, sequence, id, revision",
    )
    .bind(session)
    .fetch_all(&mut *connection)
    .await?;
    let kinds = kinds(connection, &found).await?;
    let mut spans = Vec::with_capacity(found.len());
    for row in &found {
        let keys: Vec<(i64, Via, KeyKind)> = rows::read_keys(row.try_get(3)?)
            .filter_map(|(number, rule)| Some((number, Via::of(rule), *kinds.get(&number)?)))
            .collect();
        let key = |kind: KeyKind, via: Via| {
            keys.iter().find(|(_, known, of)| *known == via && *of == kind).map(|(number, ..)| *number)
        };
        let (flags, event_type): (i64, String) = (row.try_get(4)?, row.try_get(2)?);
        spans.push(Span {
            event: row.try_get(0)?,
            id: key(KeyKind::Span, Via::Same),
            parent: key(KeyKind::Span, Via::ParentSpan),
            reports: rows::kind_of(row.try_get(1)?)? == Kind::Model && row.try_get(5)?,
            is_apart: event_type.contains(OF_ITS_OWN),
            answer: key(KeyKind::ProviderRequest, Via::Same),
            is_flagged: flags & flag::REPEATS_USAGE != 0,
        });
    }
    Ok(spans)
}

/// The kinds of the keys that matter here.
async fn kinds(connection: &mut Transaction, events: &[Row]) -> Result<HashMap<i64, KeyKind>> {
    let mut numbers = BTreeSet::new();
    for row in events {
        numbers.extend(rows::read_keys(row.try_get(3)?).map(|(number, _)| number));
    }
    let numbers: Vec<i64> = numbers.into_iter().collect();
    let mut kinds = HashMap::new();
    for chunk in numbers.chunks(rows::CHUNK) {
        let mut query = Statement::new("SELECT key, kind FROM keys WHERE key IN (");
        query.push_list(chunk.iter().copied());
        query.push(") AND kind IN (");
        query.push_list([KeyKind::Span, KeyKind::ProviderRequest].map(rows::key_code));
        for row in query.push(")").build().persistent(chunk.len() == rows::CHUNK).fetch_all(&mut *connection).await? {
            kinds.insert(row.try_get(0)?, rows::key_of(row.try_get(1)?)?);
        }
    }
    Ok(kinds)
}

/// Whether a session has spans and log records.
pub(super) async fn is_of_spans(connection: &mut Transaction, session: i64) -> Result<bool> {
    let row = query(
        "SELECT EXISTS (SELECT 1 FROM sessions JOIN tellings ON tellings.session = sessions.id \
         WHERE sessions.session = $1 AND tellings.agent = 'otel')",
    )
    .bind(session)
    .fetch_one(connection)
    .await?;
    Ok(row.try_get(0)?)
}

/// Names a session that has nothing else after the first thing that was asked in it, and its project after who began
/// it.
pub(super) async fn name_session(connection: &mut Transaction, session: i64) -> Result<()> {
    query(
        "UPDATE sessions SET title = coalesce((SELECT attributes.value FROM events JOIN attributes \
         ON attributes.event = events.event WHERE events.session = $1 AND attributes.name = 'asked' \
         ORDER BY events.order_time = 0, events.order_time, events.origin, events.sequence, events.id, events.revision LIMIT 1), \
         (SELECT label FROM events WHERE session = $1 AND label <> '' \
         ORDER BY order_time = 0, order_time, origin, sequence, id, revision LIMIT 1)), \
         project = (SELECT source FROM events WHERE session = $1 \
         ORDER BY order_time = 0, order_time, origin, sequence, id, revision LIMIT 1) WHERE session = $1 AND agent = 'otel'",
    )
    .bind(session)
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(event: i64, parent: Option<i64>, reports: bool) -> Span {
        Span { event, id: Some(event), parent, reports, is_apart: false, answer: None, is_flagged: false }
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
