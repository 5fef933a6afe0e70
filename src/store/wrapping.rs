//! Which calls report again what others inside them report, told from what is new: only the chain above a new span is
//! looked at, what stands below it, and who else tells of the same answer.
//!
//! It comes to what [`super::spans::flag_all`] finds in the whole session. Where a new span takes the place of another
//! one, or spans are their own parents, that one is asked.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::Result;

use super::engine::{Statement, Transaction};
use super::rows;
use super::spans::{self, COLUMNS, HIGHEST, Place, Span};
use super::tally::Moved;
use crate::domain::{KeyKind, flag};

/// Holds for an event that has a key as its own, and not only as that of its parent.
const ITS_OWN: &str = "(' ' || events.keys || ' ' NOT LIKE '% ' || event_keys.key || '=otel.parent_span %' \
     OR ' ' || events.keys || ' ' LIKE '% ' || event_keys.key || ' %')";

/// Flags the calls of a session whose tokens others report, with what is new. Returns what stands otherwise now.
pub(super) async fn flag_new(connection: &mut Transaction, session: i64, new: &[i64]) -> Result<Vec<Moved>> {
    let mut web = Web::new(connection, session);
    web.read_new(new).await?;
    let Some(repeats) = web.wraps(new).await? else { return spans::flag_all(connection, session).await };
    let told = web.told(new, repeats).await?;
    let known = std::mem::take(&mut web.spans);
    let told = told.iter().filter_map(|(event, is_repeat)| Some((known.get(event)?, *is_repeat)));
    spans::put(connection, session, told).await
}

/// The spans of a session around those that are new, as far as they were looked at.
struct Web<'a> {
    connection: &'a mut Transaction,
    session: i64,
    spans: HashMap<i64, Span>,
    kinds: HashMap<i64, KeyKind>,
    /// By the key that is an id: the events that have it, and those that name it as their parent.
    same: HashMap<i64, BTreeMap<Place, i64>>,
    below: HashMap<i64, BTreeSet<i64>>,
    /// Ids of which all events were read that have them, and also all that name them.
    seen: HashSet<i64>,
    seen_below: HashSet<i64>,
}

impl<'a> Web<'a> {
    fn new(connection: &'a mut Transaction, session: i64) -> Self {
        Self {
            connection,
            session,
            spans: HashMap::new(),
            kinds: HashMap::new(),
            same: HashMap::new(),
            below: HashMap::new(),
            seen: HashSet::new(),
            seen_below: HashSet::new(),
        }
    }

    async fn read_new(&mut self, new: &[i64]) -> Result<()> {
        for chunk in new.chunks(rows::CHUNK) {
            let mut query = Statement::new("SELECT ");
            query.push(COLUMNS).push(" FROM events WHERE events.event IN (");
            query.push_list(chunk.iter().copied()).push(")");
            self.read(query).await?;
        }
        let ids: BTreeSet<i64> = new.iter().filter_map(|event| self.spans.get(event)?.id).collect();
        self.read_around(&ids).await
    }

    async fn read(&mut self, mut query: Statement) -> Result<()> {
        let rows = query.build().fetch_all(&mut *self.connection).await?;
        spans::learn_kinds(&mut *self.connection, &rows, &mut self.kinds).await?;
        for row in &rows {
            let span = Span::of(row, &self.kinds)?;
            if let Some(id) = span.id {
                self.same.entry(id).or_default().insert(span.place.clone(), span.event);
            }
            if let Some(parent) = span.parent {
                self.below.entry(parent).or_default().insert(span.event);
            }
            self.spans.insert(span.event, span);
        }
        Ok(())
    }

    /// Reads the events that have some of these keys, and for which a further condition holds.
    async fn read_keyed(&mut self, keys: &[i64], condition: Option<&str>) -> Result<()> {
        for chunk in keys.chunks(rows::CHUNK) {
            let mut query = Statement::new("SELECT ");
            query.push(COLUMNS).push(" FROM event_keys JOIN events ON events.event = event_keys.event ");
            query.push("WHERE event_keys.key IN (").push_list(chunk.iter().copied());
            // The plus keeps SQLite from going through the session.
            query.push(") AND +events.session = ").push_bind(self.session);
            if let Some(condition) = condition {
                query.push(" AND ").push(condition);
            }
            self.read(query).await?;
        }
        Ok(())
    }

    /// Reads all events with these ids, and all that name them as parents.
    async fn read_around(&mut self, ids: &BTreeSet<i64>) -> Result<()> {
        let new: Vec<i64> = ids.iter().copied().filter(|id| self.seen_below.insert(*id)).collect();
        self.seen.extend(&new);
        self.read_keyed(&new, None).await
    }

    /// Reads all events with these ids, and none of the many that may name them as parents.
    async fn read_same(&mut self, ids: &BTreeSet<i64>) -> Result<()> {
        let new: Vec<i64> = ids.iter().copied().filter(|id| self.seen.insert(*id)).collect();
        self.read_keyed(&new, Some(ITS_OWN)).await
    }

    /// The span with an id, of those that may speak for it.
    fn speaker(&self, id: i64, may: impl Fn(i64) -> bool) -> Option<&Span> {
        let same = self.same.get(&id)?.values().filter(|event| may(**event));
        spans::speaker(same.filter_map(|event| self.spans.get(event)))
    }

    fn is_speaker(&self, span: &Span) -> bool {
        let speaker = span.id.and_then(|id| self.speaker(id, |_| true));
        speaker.is_some_and(|speaker| speaker.event == span.event)
    }

    /// The calls that are around others because of new events; `None` where that cannot be told from these.
    async fn wraps(&mut self, new: &[i64]) -> Result<Option<BTreeSet<i64>>> {
        let added: HashSet<i64> = new.iter().copied().collect();
        let mut repeats = BTreeSet::new();
        // From each event upwards: where it began, where it is, and how far it may go.
        let mut climbing: Vec<(i64, i64, usize)> = Vec::new();
        for event in new {
            let Some(span) = self.spans.get(event).cloned() else { continue };
            if span.counts() {
                climbing.push((*event, *event, HIGHEST));
            }
            let before = span.id.and_then(|id| self.speaker(id, |event| !added.contains(&event)));
            let now = span.id.and_then(|id| self.speaker(id, |_| true));
            if before.is_some_and(|before| now.is_none_or(|now| now.event != before.event)) {
                return Ok(None);
            }
            if let Some(depth) = self.nearest(&span).await? {
                repeats.extend(Some(*event).filter(|_| span.counts()));
                climbing.push((*event, *event, HIGHEST - depth));
            }
        }
        while !climbing.is_empty() {
            let parent = |event: &i64| self.spans.get(event).and_then(|span| span.parent);
            let parents: BTreeSet<i64> = climbing.iter().filter_map(|(_, event, _)| parent(event)).collect();
            self.read_same(&parents).await?;
            let mut higher = Vec::new();
            for (from, event, left) in climbing.into_iter().filter(|(_, _, left)| *left > 0) {
                let parent = self.spans.get(&event).and_then(|span| span.parent);
                let Some(outer) = parent.and_then(|parent| self.speaker(parent, |_| true)) else { continue };
                if outer.event == from {
                    return Ok(None);
                }
                repeats.extend(Some(outer.event).filter(|_| outer.counts()));
                higher.push((from, outer.event, left - 1));
            }
            climbing = higher;
        }
        Ok(Some(repeats))
    }

    /// How far below a span the nearest call stands whose tokens count.
    async fn nearest(&mut self, span: &Span) -> Result<Option<usize>> {
        let Some(id) = span.id.filter(|_| self.is_speaker(span)) else { return Ok(None) };
        let mut met = BTreeSet::from([id]);
        let mut level = met.clone();
        for depth in 1..=HIGHEST {
            self.read_around(&level).await?;
            let below: Vec<&Span> = level
                .iter()
                .filter_map(|id| self.below.get(id))
                .flatten()
                .filter_map(|event| self.spans.get(event))
                .collect();
            if below.iter().any(|span| span.counts()) {
                return Ok(Some(depth));
            }
            let ids: BTreeSet<i64> = below.iter().filter_map(|span| span.id).filter(|id| met.insert(*id)).collect();
            let own = below.iter().map(|span| span.event).collect::<HashSet<_>>();
            self.read_same(&ids).await?;
            let speaks = |id: &i64| self.speaker(*id, |_| true).is_some_and(|span| own.contains(&span.event));
            level = ids.into_iter().filter(speaks).collect();
            if level.is_empty() {
                break;
            }
        }
        Ok(None)
    }

    /// Which events are repeats and which are none, of those that may stand otherwise now.
    async fn told(&mut self, new: &[i64], repeats: BTreeSet<i64>) -> Result<BTreeMap<i64, bool>> {
        let touched = || new.iter().chain(&repeats).filter_map(|event| self.spans.get(event));
        let answers: BTreeSet<i64> = touched().filter(|span| span.reports).filter_map(|span| span.answer).collect();
        let mut told: BTreeMap<i64, bool> = new.iter().map(|event| (*event, false)).collect();
        told.extend(repeats.iter().map(|event| (*event, true)));
        self.read_keyed(&answers.iter().copied().collect::<Vec<_>>(), None).await?;
        let mut tellers: BTreeMap<i64, BTreeMap<Place, i64>> = BTreeMap::new();
        for span in self.spans.values().filter(|span| span.reports) {
            if let Some(answer) = span.answer.filter(|answer| answers.contains(answer)) {
                tellers.entry(answer).or_default().insert(span.place.clone(), span.event);
            }
        }
        // Two instrumentations of one call: the first of those that are around no other counts.
        for tellers in tellers.into_values() {
            let mut is_told = false;
            for event in tellers.into_values() {
                let Some(span) = self.spans.get(&event).cloned() else { continue };
                let may_wrap = !told.contains_key(&event) && span.stand.flags & flag::REPEATS_USAGE != 0;
                let wraps = repeats.contains(&event) || (may_wrap && span.counts() && self.wraps_some(&span).await?);
                told.insert(event, wraps || is_told);
                is_told |= !wraps;
            }
        }
        Ok(told)
    }

    async fn wraps_some(&mut self, span: &Span) -> Result<bool> {
        self.read_around(&span.id.into_iter().collect()).await?;
        Ok(self.nearest(span).await?.is_some())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::domain::told::{CALL, RESULT, turn};
    use crate::domain::{Event, Key, KeyKind, Kind, Phase, Session, Usage, UsageSource};
    use crate::store::tests::{Desk, batch, desk, event, session};
    use crate::store::{spans, told};

    /// One of few spans, of which each may be told by several events: what it is, its id, its parent, its answer.
    type Told = (u8, u8, u8, u8);

    fn span(place: usize, (sort, id, parent, answer): Told) -> Event {
        let kind = if sort % 4 == 3 { Kind::Trace } else { Kind::Model };
        let mut span = event("s", &format!("e{place}"), i64::from(sort % 7) + 1, kind);
        span.order.sequence = place as i64;
        span.event_type = if sort % 16 == 2 { "embeddings".to_owned() } else { "chat".to_owned() };
        if sort % 4 < 2 {
            span.usage = Some(Usage { input: Some(1), ..Usage::new("rule", UsageSource::Provider) });
        }
        span.keys = vec![Key::native(KeyKind::Trace, "t"), Key::native(KeyKind::Span, format!("span {id}"))];
        if parent != id || sort % 9 == 0 {
            span.keys.push(Key::derived(KeyKind::Span, format!("span {parent}"), "otel.parent_span"));
        }
        if answer < 6 {
            span.keys.push(Key::native(KeyKind::ProviderRequest, format!("answer {answer}")));
        }
        span
    }

    /// A tool as a span, with an id of its call or without, or as a message tells of it.
    fn tool(place: usize, (sort, trace, call, time): Told) -> Event {
        let mut tool = event("s", &format!("t{place}"), i64::from(time) * 400_000, Kind::Tool);
        tool.order.sequence = place as i64;
        tool.tool = Some(["ls", "rm"][usize::from(sort % 2)].to_owned());
        let (trace, call) = (format!("t{}", trace % 3), format!("c{}", call % 5));
        tool.keys = vec![Key::native(KeyKind::Trace, &trace)];
        let rule = [None, None, Some((CALL, Phase::Call)), Some((RESULT, Phase::Result))];
        match (sort % 4, rule[usize::from(sort % 4)]) {
            (_, Some((rule, phase))) => {
                tool.keys.push(Key::derived(KeyKind::ToolCall, &call, rule));
                (tool.phase, tool.turn) = (phase, Some(turn(&trace, &call)));
            }
            (0, None) => {
                tool.keys.push(Key::native(KeyKind::ToolCall, &call));
                tool.turn = Some(turn(&trace, &call));
            }
            _ => tool.turn = Some(format!("span:{trace}:{place}")),
        }
        tool
    }

    fn spoken() -> Session {
        Session { agent: "otel".to_owned(), ..session("s") }
    }

    /// Whether looking at all of a session finds what looking at what was new has found.
    async fn assert_settled(desk: &Desk) {
        let mut transaction = desk.store.begin().await.expect("begins");
        let number = desk.store.session("s").await.expect("reads").expect("is there").number;
        let moved = spans::flag_all(&mut transaction, number).await.expect("reads");
        assert!(moved.is_empty(), "flagged otherwise: {moved:?}");
        let moved = told::tie_all(&mut transaction, number).await.expect("reads");
        assert!(moved.is_empty(), "tied otherwise: {moved:?}");
        spans::name_session(&mut transaction, number).await.expect("names");
        transaction.commit().await.expect("commits");
    }

    async fn assert_same_in_parts(events: Vec<Event>, sizes: Vec<usize>, step: i64) {
        let desk = desk().await;
        let (mut rest, mut sizes, mut part) = (events.as_slice(), sizes.into_iter().cycle(), 0);
        while !rest.is_empty() {
            let (now, later) = rest.split_at(sizes.next().unwrap_or(1).min(rest.len()));
            rest = later;
            part += 1;
            let batch = batch(&format!("/{part}"), &[spoken()], now.to_vec());
            desk.store.append(&[batch]).await.expect("appends");
            let step = crate::store::Step { events: step, sessions: 1 };
            while desk.store.settle_step(step).await.expect("settles") {}
            let before = desk.store.session("s").await.expect("reads");
            assert_settled(&desk).await;
            crate::store::engine::query("UPDATE sessions SET counted = 2, settled = 0")
                .execute(&desk.store.writer)
                .await
                .expect("writes");
            desk.store.settle().await.expect("settles");
            assert_eq!(before, desk.store.session("s").await.expect("reads"), "after part {part}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn what_is_told_from_new_spans_is_what_all_of_them_tell(
            told in prop::collection::vec((any::<u8>(), 0..14_u8, 0..14_u8, 0..12_u8), 1..40),
            tools in prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>(), 1..20_u8), 0..20),
            sizes in prop::collection::vec(1..9_usize, 1..6),
            step in 1..9_i64,
        ) {
            let spans = told.into_iter().enumerate().map(|(place, told)| span(place, told));
            let tools = tools.into_iter().enumerate().map(|(place, told)| tool(place, told));
            let mut events: Vec<Event> = spans.chain(tools).collect();
            events.sort_by_key(|event| (event.order.sequence, event.kind));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(assert_same_in_parts(events, sizes, step));
        }
    }
}
