//! What spans report of the calls inside them, beside what those calls report themselves.

use std::collections::HashMap;

use anyhow::Result;

use super::Store;
use super::engine::query;
use super::spans::{COLUMNS, HIGHEST, Span, learn_kinds};
use crate::domain::{Kind, flag};

/// How many columns [`Span::of`] reads.
const OF_SPAN: usize = 13;

/// A span that reports tokens of calls inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wrapped {
    pub event: i64,
    /// The total that it reports.
    pub told: i64,
    /// What the calls inside it come to that count.
    pub inside: i64,
}

/// A span with what it reports: of its own, and of others.
struct Told {
    span: Span,
    own: Option<i64>,
    others: Option<i64>,
}

impl Store {
    /// The spans of a session that report tokens of calls inside them, in timeline order; but those inside which no
    /// call reports any.
    pub async fn wrapped(&self, session: i64) -> Result<Vec<Wrapped>> {
        let is_of_spans = "SELECT EXISTS (SELECT 1 FROM sessions JOIN tellings ON tellings.session = sessions.id \
                           WHERE tellings.agent = 'otel' AND sessions.session = $1)";
        if !query(is_of_spans).bind(session).fetch_one(&self.readers).await?.try_get::<bool>(0)? {
            return Ok(Vec::new());
        }
        let statement = format!(
            "SELECT {COLUMNS}, events.usage_total, (SELECT max(CAST(attributes.value AS BIGINT)) FROM attributes \
             WHERE attributes.event = events.event AND attributes.name = 'reported_usage.total') FROM events \
             WHERE session = $1 AND kind IN ($2, $3, $4) AND events.flags & $5 = 0 \
             ORDER BY order_time, origin, sequence, id, revision"
        );
        let rows = query(statement)
            .bind(session)
            .bind(Kind::Model as i64)
            .bind(Kind::Trace as i64)
            .bind(Kind::Other as i64)
            .bind(flag::PURGED | flag::SUPERSEDED)
            .fetch_all(&self.readers)
            .await?;
        let mut kinds = HashMap::new();
        learn_kinds(&self.readers, &rows, &mut kinds).await?;
        let mut told = Vec::with_capacity(rows.len());
        for row in &rows {
            let span = Span::of(row, &kinds)?;
            told.push(Told { span, own: row.try_get(OF_SPAN)?, others: row.try_get(OF_SPAN + 1)? });
        }
        Ok(wrapped(&told))
    }
}

fn wrapped(all: &[Told]) -> Vec<Wrapped> {
    // Log records and lines of a transcript have the id of their span, and are not it.
    let is_it = |told: &Told| (told.span.reports, told.others.is_some(), told.span.parent.is_some());
    let mut by_id: HashMap<i64, &Told> = HashMap::new();
    for told in all {
        let Some(id) = told.span.id else { continue };
        let known = by_id.entry(id).or_insert(told);
        if is_it(told) > is_it(known) {
            *known = told;
        }
    }
    let mut inside: HashMap<i64, i64> = HashMap::new();
    let counted = |told: &&Told| told.span.counts() && told.span.stand.flags & flag::REPEATS_USAGE == 0;
    for call in all.iter().filter(counted) {
        let Some(tokens) = call.own else { continue };
        let next = |told: &&Told| told.span.parent.and_then(|parent| by_id.get(&parent)).copied();
        for above in std::iter::successors(next(&call), next).take(HIGHEST) {
            if above.span.event == call.span.event {
                break;
            }
            *inside.entry(above.span.event).or_default() += tokens;
        }
    }
    let report = |told: &Told| {
        let repeats = told.span.reports && told.span.stand.flags & flag::REPEATS_USAGE != 0;
        let reported = told.others.or(told.own.filter(|_| repeats))?;
        Some(Wrapped { event: told.span.event, told: reported, inside: *inside.get(&told.span.event)? })
    };
    all.iter().filter_map(report).collect()
}

#[cfg(test)]
mod tests {
    use crate::domain::{Event, Key, KeyKind, Kind, Session, Usage, UsageSource};
    use crate::store::tests::{append, batch, desk, event, session};

    fn span(id: &str, parent: &str, kind: Kind, tokens: Option<i64>) -> Event {
        let mut span = event("s", id, 1, kind);
        span.keys = vec![Key::native(KeyKind::Span, id)];
        if !parent.is_empty() {
            span.keys.push(Key::derived(KeyKind::Span, parent, "otel.parent_span"));
        }
        match (kind, tokens) {
            (Kind::Model, Some(tokens)) => {
                span.usage = Some(Usage { input: Some(tokens), ..Usage::new("rule", UsageSource::Provider) });
            }
            (_, Some(tokens)) => span.attributes.push(("reported_usage.total".to_owned(), tokens.to_string())),
            _ => {}
        }
        span
    }

    #[tokio::test]
    async fn what_a_span_reports_stands_beside_what_the_calls_inside_it_do() {
        let desk = desk().await;
        let events = vec![
            span("agent", "", Kind::Trace, Some(100)),
            span("step", "agent", Kind::Trace, None),
            span("outer", "step", Kind::Model, Some(30)),
            span("inner", "outer", Kind::Model, Some(20)),
            span("other", "agent", Kind::Model, Some(50)),
            span("silent", "", Kind::Trace, Some(7)),
            span("unknown", "silent", Kind::Model, None),
        ];
        let spoken = Session { agent: "otel".to_owned(), ..session("s") };
        append(&desk.store, batch("/f", &[spoken], events)).await;
        let number = desk.store.session("s").await.expect("reads").expect("is there").number;
        let wrapped = desk.store.wrapped(number).await.expect("reads");
        let mut told: Vec<(String, i64, i64)> = Vec::new();
        for wrapped in wrapped {
            let events = desk.store.events(&[wrapped.event]).await.expect("reads");
            told.push((events[0].id.clone(), wrapped.told, wrapped.inside));
        }
        told.sort();
        assert_eq!(told, [("agent".to_owned(), 100, 70), ("outer".to_owned(), 30, 20)]);
    }
}
