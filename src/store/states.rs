//! States: what one id has been called with over time, the newest first, in whichever order they came in; and rivals,
//! which have one id by mistake, the first of them first.
//!
//! A queue task is one row that changes in place, and a trace event is given with more or fewer columns: what differs
//! is a state of it, not a rival. So is a span that was sent before it had ended. The newest has the bare id; `~1`, `~2`
//! and so on count back in time.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use anyhow::Result;

use super::copies::Stored;
use super::engine::{Statement, Transaction, query};
use super::rows;
use crate::domain::{ENDED, Event, Kind, OF_SPAN, Role, Timestamp, flag};

/// Each takes some bindings.
const CHUNK: usize = rows::CHUNK / 2;

/// What several contents under one id are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// A queue task or a trace event: each is a state of it.
    Changing,
    /// A span: what ended later is newer, and what had not ended is the oldest. Those with one end are rivals.
    Span,
    Rivals,
}

impl Sort {
    pub(super) fn of(id: &str, mut kinds: impl Iterator<Item = Kind>) -> Self {
        if id.starts_with(OF_SPAN) {
            return Self::Span;
        }
        if kinds.all(|kind| matches!(kind, Kind::Task | Kind::Trace)) { Self::Changing } else { Self::Rivals }
    }

    /// Whether two with these ends are rivals; `newest` is the last end of them all.
    pub(super) fn rival(self, one: End, other: End, newest: End) -> bool {
        match self {
            Self::Changing => false,
            Self::Span => one == other && one == newest,
            Self::Rivals => true,
        }
    }
}

/// When the span of an event ended, µs since 1970; before everything where it had not, or where there is none.
pub(super) type End = i64;

/// What has not ended.
const OPEN: End = End::MIN;

pub(super) fn end(ended: Option<&str>) -> End {
    ended.and_then(Timestamp::parse).map_or(OPEN, |ended| ended.0)
}

/// Time, origin and sequence.
pub(super) type Place = (i64, i64, i64);

/// How new one of several events with one id is; the greatest is the newest and has the bare id.
///
/// Of states the one that was changed last; where times are equal the one that says the most. Of spans the one that
/// ended last. Of rivals the one with the first place. At last the content decides, so that never the order of arrival
/// does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Age(i64, Reverse<(i64, i64, i64)>, i64);

impl Age {
    /// `said` is how many keys, attributes and bodies it has.
    pub(super) fn new(sort: Sort, (time, origin, sequence): Place, end: End, said: i64) -> Self {
        let place = Reverse((super::copies::time_of(time), origin, sequence));
        match sort {
            // The place among events of one time is when it was changed.
            Sort::Changing => Self(sequence, Reverse((-time, 0, 0)), said),
            Sort::Span => Self(end, place, 0),
            Sort::Rivals => Self(0, place, 0),
        }
    }

    pub(super) fn of(row: &rows::EventRow<'_>, sort: Sort) -> Self {
        let event = &row.new.event;
        let place = (event.order.time.0, event.order.origin, event.order.sequence);
        // The whole record is a body in a slice and not elsewhere.
        let bodies = row.new.bodies.iter().filter(|body| body.role != Role::Raw).count();
        let said = (event.keys.len() + event.attributes.len() + bodies) as i64;
        Self::new(sort, place, end(event.attribute(ENDED)), said)
    }
}

/// One of several events with one id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub event: i64,
    /// How many newer ones there are: at least so many before they are put in order, for a slice may know of some
    /// that it does not hold.
    pub revision: i64,
    pub age: Age,
    pub content: Vec<u8>,
    /// A newer one stands in its place; told when they are put in order.
    pub is_superseded: bool,
}

/// Puts the events with one id in order, the newest first, and numbers them.
pub(super) fn number(states: &mut [State], sort: Sort) {
    states.sort_by(|one, other| (other.age, &other.content).cmp(&(one.age, &one.content)));
    let newest = states.first().map(|state| state.age.0);
    let mut newer = 0;
    for state in states {
        state.revision = state.revision.max(newer);
        newer = state.revision + 1;
        state.is_superseded = match sort {
            Sort::Changing => state.revision > 0,
            Sort::Span => newest.is_some_and(|newest| state.age.0 < newest),
            Sort::Rivals => false,
        };
    }
}

/// A stored event that is called otherwise now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aged<'a> {
    pub event: i64,
    pub session: i64,
    pub id: &'a str,
    pub before: i64,
    pub now: i64,
    pub is_superseded: bool,
    /// Whether it is a state, and no rival.
    pub is_state: bool,
}

/// Gives stored events their new names. Marks and notes go along, but those on the bare id of a state stay with it.
pub(super) async fn rename(connection: &mut Transaction, aged: &[Aged<'_>]) -> Result<()> {
    // First all give up their names, so that each is free when another one takes it.
    let given_up: Vec<Aged<'_>> = aged.iter().map(|aged| Aged { now: !aged.now, ..*aged }).collect();
    let taken: Vec<Aged<'_>> = aged.iter().map(|aged| Aged { before: !aged.now, ..*aged }).collect();
    rename_ids(connection, &given_up).await?;
    rename_ids(connection, &taken).await?;
    for chunk in rows::bulks(connection.engine(), aged, CHUNK) {
        let mut events = Statement::new("WITH aged (event, now, flag, cleared) AS (");
        events.push_values(chunk, |mut row, aged| {
            // What a newer one stands for has no rival that matters.
            let (set, cleared) = match aged.is_superseded {
                true => (flag::SUPERSEDED, flag::CONFLICT),
                false => (0, flag::SUPERSEDED),
            };
            row.push_bind(aged.event).push_bind(aged.now).push_bind(set).push_bind(cleared);
        });
        events.push(") UPDATE events SET revision = aged.now, flags = (flags & ~aged.cleared) | aged.flag ");
        events.push("FROM aged WHERE events.event = aged.event");
        events.build().execute(&mut *connection).await?;
    }
    rename_annotations(connection, aged).await
}

/// Notes of how many newer ones slices know.
pub(super) async fn note_said(connection: &mut Transaction, said: &[(i64, i64)]) -> Result<()> {
    for (event, said) in said {
        query(
            "UPDATE event_ids SET said = $1 WHERE event = $2 AND (id, session, revision) = \
             (SELECT id, session, revision FROM events WHERE event = $2)",
        )
        .bind(said)
        .bind(event)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Names stored events with these ids anew, after some of them came from another session or went to one.
pub(super) async fn name_anew(connection: &mut Transaction, ids: &BTreeSet<(i64, String)>) -> Result<()> {
    for (session, id) in ids {
        let found = query(
            "SELECT event_ids.event, event_ids.revision, event_ids.said, event_ids.content FROM event_ids WHERE event_ids.id = $1 AND event_ids.session = $2",
        )
        .bind(id)
        .bind(session)
        .fetch_all(&mut *connection)
        .await?;
        let numbers = found.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
        let stored = Stored::all(connection, &numbers).await?;
        let sort = Sort::of(id, stored.values().map(|stored| stored.kind));
        let mut states = Vec::with_capacity(found.len());
        let mut before = HashMap::new();
        for row in &found {
            let event = row.try_get(0)?;
            before.insert(event, row.try_get::<i64>(1)?);
            let age = stored.get(&event).map(|stored| stored.age(sort)).unwrap_or_default();
            let (revision, content) = (row.try_get(2)?, row.try_get(3)?);
            states.push(State { event, revision, age, content, is_superseded: false });
        }
        number(&mut states, sort);
        let mut aged = Vec::new();
        for State { event, revision: now, is_superseded, .. } in states {
            let Some(before) = before.remove(&event) else { continue };
            let is_state = is_superseded || sort == Sort::Changing;
            aged.push(Aged { event, session: *session, id, before, now, is_superseded, is_state });
        }
        rename(connection, &aged).await?;
        // What is left alone, or among states, has no rival any more.
        let end = |event: &i64| stored.get(event).map_or(OPEN, |stored| stored.end);
        let newest = numbers.iter().map(end).max().unwrap_or(OPEN);
        for event in &numbers {
            let is_rival = |other: &&i64| *other != event && sort.rival(end(event), end(other), newest);
            let has_rival = numbers.iter().any(|other| is_rival(&other));
            query("UPDATE events SET flags = (flags & ~$1) | $2 WHERE event = $3")
                .bind(flag::CONFLICT)
                .bind(if has_rival { flag::CONFLICT } else { 0 })
                .bind(event)
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}

async fn rename_ids(connection: &mut Transaction, aged: &[Aged<'_>]) -> Result<()> {
    for chunk in rows::bulks(connection.engine(), aged, CHUNK) {
        let mut ids = Statement::new("WITH aged (id, session, before, now) AS (");
        ids.push_values(chunk, |mut row, aged| {
            row.push_bind(rows::clean(aged.id)).push_bind(aged.session).push_bind(aged.before).push_bind(aged.now);
        });
        ids.push(") UPDATE event_ids SET revision = aged.now FROM aged WHERE event_ids.id = aged.id ");
        ids.push("AND event_ids.session = aged.session AND event_ids.revision = aged.before");
        ids.build().execute(&mut *connection).await?;
    }
    Ok(())
}

async fn rename_annotations(connection: &mut Transaction, aged: &[Aged<'_>]) -> Result<()> {
    let moving = |aged: &&Aged<'_>| aged.before != aged.now && (aged.before > 0 || !aged.is_state);
    let mut moving: Vec<Aged<'_>> = aged.iter().filter(moving).copied().collect();
    if moving.is_empty() || !has_annotations(connection).await? {
        return Ok(());
    }
    // As with the events, names are given up before they are taken. No name of an event has this in it.
    let given_up = |aged: &Aged<'_>| format!("{}\u{1f}{}", aged.id, aged.now);
    moving.sort_by_key(|aged| aged.before);
    for aged in &moving {
        rename_item(connection, aged.session, &Event::name_of(aged.id, aged.before), &given_up(aged)).await?;
    }
    for aged in &moving {
        rename_item(connection, aged.session, &given_up(aged), &Event::name_of(aged.id, aged.now)).await?;
    }
    Ok(())
}

async fn rename_item(connection: &mut Transaction, session: i64, from: &str, to: &str) -> Result<()> {
    query(
        "UPDATE annotations SET item = $1 WHERE item = $2 AND session = (SELECT id FROM sessions WHERE session = $3) \
         AND NOT EXISTS (SELECT 1 FROM annotations taken WHERE taken.session = annotations.session AND taken.item = $1)",
    )
    .bind(to)
    .bind(from)
    .bind(session)
    .execute(connection)
    .await?;
    Ok(())
}

async fn has_annotations(connection: &mut Transaction) -> Result<bool> {
    let row = query("SELECT EXISTS (SELECT 1 FROM annotations)").fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::Batch;
    use crate::store::tests::{append, batch, desk, event, session};

    fn state(event: i64, changed: i64, said: i64, revision: i64) -> State {
        let age = Age::new(Sort::Changing, (0, 0, changed), OPEN, said);
        let content = vec![u8::try_from(event).expect("small")];
        State { event, revision, age, content, is_superseded: false }
    }

    fn numbered(mut states: Vec<State>) -> Vec<(i64, i64)> {
        number(&mut states, Sort::Changing);
        states.into_iter().map(|state| (state.event, state.revision)).collect()
    }

    #[test]
    fn the_newest_has_the_bare_id_and_at_one_time_what_says_the_most() {
        assert_eq!(numbered(vec![state(1, 5, 9, 0), state(2, 7, 1, 0), state(3, 5, 3, 0)]), [(2, 0), (1, 1), (3, 2)]);
        assert_eq!(numbered(vec![state(1, 5, 3, 0), state(2, 5, 3, 0)]), [(2, 0), (1, 1)]);
    }

    #[test]
    fn what_is_known_to_have_newer_ones_keeps_its_number_until_more_are_known() {
        assert_eq!(numbered(vec![state(1, 5, 1, 2)]), [(1, 2)]);
        assert_eq!(numbered(vec![state(1, 5, 1, 2), state(2, 6, 1, 0), state(3, 4, 1, 0)]), [(2, 0), (1, 2), (3, 3)]);
    }

    /// A batch with one state; what it says is told from its label.
    fn told(id: u8, changed: i64, says: u8) -> Batch {
        let mut task = event("s", &format!("t{id}"), 1, Kind::Task);
        task.order.sequence = changed;
        task.label = format!("{id} {changed} {says}");
        batch("/f", &[session("s")], vec![task])
    }

    /// All events in the order of the timeline: name, label, and whether a newer state is known.
    async fn stored(batches: Vec<Batch>) -> Vec<(String, String, bool)> {
        let desk = desk().await;
        for (number, mut batch) in batches.into_iter().enumerate() {
            batch.source.as_mut().expect("has one").path = format!("/{number}");
            append(&desk.store, batch).await;
        }
        let heads = desk.store.heads(1, None).await.expect("reads");
        let numbers: Vec<i64> = heads.iter().map(|head| head.number).collect();
        let events = desk.store.events(&numbers).await.expect("reads");
        for event in &events {
            assert_eq!(desk.store.named(1, &event.name()).await.expect("reads")[0], event.number);
            assert!(desk.store.contents(&[event.number]).await.expect("reads").contains_key(&event.number));
        }
        events.into_iter().map(|event| (event.name(), event.label.clone(), event.has(flag::SUPERSEDED))).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn states_have_the_same_names_in_whichever_order_they_came(
            states in prop::collection::vec((0..3_u8, 0..4_i64, 0..3_u8), 1..10),
            seed in prop::collection::vec(any::<u32>(), 10),
        ) {
            let of = |order: &[(u8, i64, u8)]| order.iter().map(|(id, changed, says)| told(*id, *changed, *says)).collect();
            let mut order: Vec<(u32, (u8, i64, u8))> = seed.into_iter().zip(states.iter().copied()).collect();
            order.sort();
            let order: Vec<(u8, i64, u8)> = order.into_iter().map(|(_, state)| state).collect();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let first = runtime.block_on(stored(of(&states)));
            prop_assert_eq!(&first, &runtime.block_on(stored(of(&order))));
            prop_assert_eq!(first.len(), states.iter().collect::<BTreeSet<_>>().len());
            for (name, label, superseded) in &first {
                let newest = states.iter().filter(|state| label.starts_with(&format!("{} ", state.0)));
                let newest = newest.map(|state| state.1).max().expect("itself");
                prop_assert_eq!(*superseded, name.contains('~'));
                prop_assert!(*superseded || label.split(' ').nth(1) == Some(&newest.to_string()));
            }
        }
    }

    #[tokio::test]
    async fn notes_on_older_states_go_along_and_those_on_the_bare_id_stay() {
        let desk = desk().await;
        append(&desk.store, told(1, 1, 0)).await;
        append(&desk.store, Batch { source: None, pieces: Vec::new(), ..told(1, 2, 0) }).await;
        for row in ["t1", "t1~1"] {
            let (session, note) = ("s".to_owned(), Some(format!("on {row}")));
            let note = crate::store::Annotation { session, row: row.to_owned(), marked: false, note };
            desk.store.annotate(&note).await.expect("notes");
        }
        append(&desk.store, Batch { source: None, pieces: Vec::new(), ..told(1, 3, 0) }).await;
        let notes = desk.store.annotations("s").await.expect("reads");
        let notes: Vec<(&str, Option<&str>)> =
            notes.iter().map(|note| (note.row.as_str(), note.note.as_deref())).collect();
        assert_eq!(notes, [("t1", Some("on t1")), ("t1~2", Some("on t1~1"))]);
    }

    #[tokio::test]
    async fn a_store_that_numbered_states_as_they_came_is_put_in_order() {
        use sqlx::Executor;

        let desk = crate::store::tests::file_desk().await;
        append(&desk.store, told(1, 1, 0)).await;
        append(&desk.store, Batch { source: None, pieces: Vec::new(), ..told(1, 2, 0) }).await;
        append(&desk.store, Batch { source: None, pieces: Vec::new(), ..told(2, 2, 0) }).await;
        let before = "UPDATE events SET flags = 0, revision = 1 - revision WHERE id = 't1'; \
             DELETE FROM event_ids WHERE id = 't1' AND revision = 1; \
             UPDATE event_ids SET revision = 1 WHERE id = 't1'; \
             INSERT INTO event_ids SELECT id, session, revision, x'01', event, 0 FROM events WHERE id = 't1' AND revision = 0;";
        crate::store::tests::sqlite(&desk.store).execute(before).await.expect("turns back");
        crate::store::tests::sqlite(&desk.store)
            .execute(include_str!("schema/0006_states.sql"))
            .await
            .expect("puts in order");
        let heads = desk.store.heads(1, None).await.expect("reads");
        let numbers: Vec<i64> = heads.iter().map(|head| head.number).collect();
        let events = desk.store.events(&numbers).await.expect("reads");
        let told: Vec<(String, &str, i64)> =
            events.iter().map(|event| (event.name(), event.label.as_str(), event.flags)).collect();
        let newest = [("t1".to_owned(), "1 2 0", 0), ("t2".to_owned(), "2 2 0", 0)];
        assert_eq!(told[0], ("t1~1".to_owned(), "1 1 0", flag::SUPERSEDED));
        assert_eq!(told[1..], newest);
        assert_eq!(desk.store.revisions(1, "t1").await.expect("reads"), [0, 1]);
        assert_eq!(desk.store.named(1, "t1").await.expect("reads")[0], events[1].number);
    }
}
