//! The plan of an append: what batches will write, told from what is stored under their ids already.

use std::collections::{BTreeSet, HashMap, HashSet};

use anyhow::{Context, Result};

use super::append::{Appended, Batch, Fate, NewRecord};
use super::copies::{Stored, Worth};
use super::engine::{Statement, Transaction, Values};
use super::states::{self, Age, Aged, End, Sort, State};
use super::{Keeping, next_number, rows};
use crate::domain::{ENDED, Event, Key, KeyKind, Kind, flag};

/// What is stored, or will be, under an event id.
#[derive(Debug, Clone)]
struct Known {
    session: i64,
    /// How many newer ones there are at least, as a slice says.
    said: i64,
    /// Under which revision it is stored; `None` for what is only planned.
    stored: Option<i64>,
    content: Vec<u8>,
    event: i64,
    kind: Kind,
    /// When its span ended.
    end: End,
    /// Whether only its tombstone is there.
    is_purged: bool,
}

/// Where the records of one batch come from.
pub(super) struct From<'a> {
    pub source: i64,
    /// The blob of the source's content.
    pub content: i64,
    pub received: i64,
    pub lasting: Option<Option<i64>>,
    pub keeping: Keeping,
    pub sessions: &'a HashMap<String, i64>,
    pub copies: &'a HashMap<i64, i64>,
}

/// What the batches will write.
#[derive(Default)]
pub(super) struct Plan<'a> {
    known: HashMap<String, Vec<Known>>,
    first_event: i64,
    next_event: i64,
    next_record: i64,
    pub records: Vec<rows::RecordRow<'a>>,
    pub events: Vec<rows::EventRow<'a>>,
    /// Stored events of which these tellings are worth more than what is stored; with the pairs of keys and events that
    /// go.
    pub better: Vec<rows::EventRow<'a>>,
    pub stale_keys: Vec<(i64, i64)>,
    /// The best new telling of each stored event that came again.
    offered: HashMap<i64, rows::EventRow<'a>>,
    /// Stored events of which a slice knows more newer ones than was known.
    pub said: Vec<(i64, i64)>,
    /// Further origins of events: event, record.
    pub origins: Vec<(i64, i64)>,
    /// The batch that is being planned.
    place: usize,
    /// Source and event of what is planned: each counts once for a source.
    named: HashSet<(i64, i64)>,
    /// Events that were stored before, which their source may have named before: batch, source, event.
    pub again: Vec<(usize, i64, i64)>,
    /// Records of purged events, which came in again: by session and record.
    pub purged: Vec<(i64, i64)>,
    /// Purged events that are stored again.
    pub revived: Vec<i64>,
    /// Stored events that now have a rival.
    pub conflicting: Vec<i64>,
    /// Stored events that counts hang on, and that are superseded now or are no longer.
    pub recounted: Vec<i64>,
    /// Ids of which another state has become known, by their sessions.
    changed: BTreeSet<(i64, &'a str)>,
    /// Stored states that are no longer as new as they were.
    pub aged: Vec<Aged<'a>>,
    /// Sessions that hold the same event.
    pub shared: Vec<(i64, i64)>,
    keys: HashMap<(KeyKind, &'a str), i64>,
}

impl<'a> Plan<'a> {
    /// A plan that knows what is stored under the ids of these batches.
    pub(super) async fn of(connection: &mut Transaction, batches: &[&'a Batch]) -> Result<Self> {
        let known = known_ids(connection, batches).await?;
        let next_event = next_number(connection, "SELECT max(event) FROM events").await?;
        let next_record = next_number(connection, "SELECT max(record) FROM records").await?;
        Ok(Self { known, first_event: next_event, next_event, next_record, ..Self::default() })
    }

    /// Plans the records of the next batch.
    pub(super) fn batch(&mut self, place: usize, batch: &'a Batch, from: &From<'_>) -> Result<Appended> {
        self.place = place;
        let mut appended = Appended::default();
        for record in &batch.records {
            self.record(record, from, &mut appended)?;
        }
        Ok(appended)
    }

    /// Looks up what the rows refer to, when all batches are planned.
    pub(super) async fn complete(&mut self, connection: &mut Transaction) -> Result<()> {
        self.take_better(connection).await?;
        self.number_states(connection).await?;
        self.read_keys(connection).await
    }

    fn record(&mut self, record: &'a NewRecord, from: &From<'_>, appended: &mut Appended) -> Result<()> {
        let number = (from.source != 0).then_some(self.next_record);
        if let Some(number) = number {
            self.next_record += 1;
            let copied = from.copies.get(&record.start).copied();
            self.records.push(rows::RecordRow { number, source: from.source, copied, new: record });
        }
        appended.represented += u64::from(!record.events.is_empty());
        for new in &record.events {
            let session = *from
                .sessions
                .get(&new.event.session)
                .with_context(|| format!("the event {} is of a session that the batch does not name", new.event.id))?;
            let row = rows::EventRow {
                number: self.next_event,
                session,
                record: number,
                revision: 0,
                said: new.event.revision,
                digest: record.digest,
                extra: 0,
                received: from.received,
                expires: expires(&new.event, from),
                content: record.content,
                content_blob: from.content,
                new,
                keys: new.event.keys.iter().map(|key| (key, 0)).collect(),
            };
            self.event(row, from, appended);
        }
        Ok(())
    }

    fn event(&mut self, mut row: rows::EventRow<'a>, from: &From<'_>, appended: &mut Appended) {
        let (event, source) = (&row.new.event, from.source);
        let known = self.known.entry(event.id.clone()).or_default();
        // A slice says which of several it was; that stays, so that its name stays.
        let said = event.revision;
        if from.keeping.revive {
            let is_again =
                |known: &mut Known| known.is_purged && known.session == row.session && known.content == row.content;
            self.revived.extend(known.extract_if(.., is_again).map(|known| known.event));
        }
        let own = |known: &&mut Known| known.session == row.session;
        if let Some(same) = known.iter_mut().filter(own).find(|known| known.content == row.content) {
            let (number, is_purged) = (same.event, same.is_purged);
            self.purged.extend(row.record.filter(|_| is_purged).map(|record| (row.session, record)));
            appended.duplicates += 1;
            appended.fates.push(Fate::Duplicate);
            if !self.named.insert((source, number)) {
                appended.repeated += 1;
            } else if number < self.first_event {
                self.again.push((self.place, source, number));
            }
            let says_more = said > same.said;
            same.said = said.max(same.said);
            (row.revision, row.said) = (same.stored.unwrap_or(said), same.said);
            if says_more {
                self.said.extend(same.stored.map(|_| (number, said)));
            }
            let has_others = known.iter().filter(|known| known.session == row.session).count() > 1;
            if says_more || has_others {
                self.changed.insert((row.session, &event.id));
            }
            self.offer(number, row, is_purged);
            return;
        }
        let own = known.iter().filter(|known| known.session == row.session);
        let sort = Sort::of(&event.id, own.clone().map(|known| known.kind).chain([event.kind]));
        let end = states::end(event.attribute(ENDED));
        let is_first = own.clone().next().is_none();
        let newest = own.clone().map(|known| known.end).fold(end, End::max);
        let rivals = own.filter(|known| sort.rival(known.end, end, newest));
        let rivals: Vec<i64> = rivals.map(|known| known.event).collect();
        row.revision = said;
        // An id that was derived from content says nothing about whose event it is.
        let derived = event.id.starts_with("r-");
        let others =
            known.iter().filter(|other| !derived && other.session != row.session && other.content == row.content);
        self.shared.extend(others.map(|other| (row.session, other.session)));
        known.push(Known {
            session: row.session,
            said,
            stored: None,
            content: row.content.to_vec(),
            event: row.number,
            kind: event.kind,
            end,
            is_purged: false,
        });
        appended.fates.push(match (is_first, rivals.is_empty()) {
            (true, _) => Fate::Added,
            (false, true) => Fate::Revision,
            (false, false) => Fate::Conflict,
        });
        if !is_first || said > 0 {
            self.changed.insert((row.session, &event.id));
        }
        if !rivals.is_empty() {
            row.extra = flag::CONFLICT;
            appended.conflicts += 1;
            self.conflicting.extend(rivals);
        }
        appended.added += 1;
        self.named.insert((source, row.number));
        self.next_event += 1;
        self.events.push(row);
    }

    /// Another telling of an event that is stored or planned.
    fn offer(&mut self, event: i64, mut row: rows::EventRow<'a>, is_purged: bool) {
        let planned = usize::try_from(event - self.first_event).ok().and_then(|place| self.events.get_mut(place));
        if let Some(planned) = planned {
            if Worth::of(&row) > Worth::of(planned) {
                (row.number, row.received, row.expires) = (planned.number, planned.received, planned.expires);
                (row.revision, row.extra) = (planned.revision, planned.extra);
                std::mem::swap(planned, &mut row);
            }
            self.origins.extend(row.record.map(|record| (event, record)));
            return;
        }
        self.origins.extend(row.record.map(|record| (event, record)));
        row.number = event;
        let is_better = self.offered.get(&event).is_none_or(|offered| Worth::of(&row) > Worth::of(offered));
        if is_better && !is_purged {
            self.offered.insert(event, row);
        }
    }

    /// Decides which stored events are told better now than they were.
    async fn take_better(&mut self, connection: &mut Transaction) -> Result<()> {
        let mut offered: Vec<rows::EventRow<'a>> = std::mem::take(&mut self.offered).into_values().collect();
        offered.sort_by_key(|row| row.number);
        let numbers: Vec<i64> = offered.iter().map(|row| row.number).collect();
        let stored = Stored::all(connection, &numbers).await?;
        let mut swapped: HashSet<(i64, i64)> = HashSet::new();
        for mut row in offered {
            let Some(stored) = stored.get(&row.number).filter(|stored| Worth::of(&row) > stored.worth) else {
                continue;
            };
            stored.hand_on(&mut row);
            self.stale_keys.extend(stored.keys.iter().map(|key| (*key, row.number)));
            self.origins.extend(stored.record.map(|record| (row.number, record)));
            swapped.extend(row.record.map(|record| (row.number, record)));
            self.better.push(row);
        }
        self.origins.retain(|origin| !swapped.contains(origin));
        Ok(())
    }

    /// Numbers the events with one id where that has changed, the stored ones among them.
    async fn number_states(&mut self, connection: &mut Transaction) -> Result<()> {
        let changed = std::mem::take(&mut self.changed);
        let of = |session: i64, id: &str| {
            let known = self.known.get(id).into_iter().flatten();
            known.filter(move |known| known.session == session)
        };
        let all = changed.iter().flat_map(|(session, id)| of(*session, id));
        let stored: Vec<i64> = all.filter(|known| known.stored.is_some()).map(|known| known.event).collect();
        let stored = Stored::all(connection, &stored).await?;
        let mut better: HashMap<i64, &mut rows::EventRow<'a>> =
            self.better.iter_mut().map(|row| (row.number, row)).collect();
        for (session, id) in changed {
            let before: HashMap<i64, (Option<i64>, i64)> =
                of(session, id).map(|known| (known.event, (known.stored, known.said))).collect();
            let sort = Sort::of(id, of(session, id).map(|known| known.kind));
            let mut found = Vec::with_capacity(before.len());
            for known in of(session, id) {
                let place = usize::try_from(known.event - self.first_event).ok();
                let age = place
                    .map(|place| Age::of(&self.events[place], sort))
                    .or_else(|| better.get(&known.event).map(|row| Age::of(row, sort)))
                    .or_else(|| stored.get(&known.event).map(|stored| stored.age(sort)));
                let (age, content) = (age.unwrap_or_default(), known.content.clone());
                found.push(State { event: known.event, revision: known.said, age, content, is_superseded: false });
            }
            states::number(&mut found, sort);
            let superseded: HashSet<i64> =
                found.iter().filter(|state| state.is_superseded).map(|state| state.event).collect();
            if sort == Sort::Span && !superseded.is_empty() {
                self.conflicting.retain(|event| !superseded.contains(event));
            }
            for State { event, revision: now, is_superseded, .. } in found {
                let (was, said) = before.get(&event).copied().unwrap_or_default();
                let row = match usize::try_from(event - self.first_event) {
                    Ok(place) => self.events.get_mut(place),
                    Err(_) => better.get_mut(&event).map(|row| &mut **row),
                };
                if let Some(row) = row {
                    (row.revision, row.said) = (now, said);
                    row.extra &= !flag::SUPERSEDED;
                    if is_superseded {
                        row.extra = row.extra & !flag::CONFLICT | flag::SUPERSEDED;
                    }
                }
                let turned = stored.get(&event).filter(|stored| stored.is_superseded() != is_superseded);
                self.recounted.extend(turned.filter(|stored| stored.is_counted).map(|_| event));
                if let Some(before) = was.filter(|before| *before != now || turned.is_some()) {
                    let is_state = is_superseded || sort == Sort::Changing;
                    self.aged.push(Aged { event, session, id, before, now, is_superseded, is_state });
                }
            }
        }
        Ok(())
    }

    /// Gives every key value its number.
    async fn read_keys(&mut self, connection: &mut Transaction) -> Result<()> {
        let mut wanted: Vec<(KeyKind, &'a str)> = self
            .events
            .iter()
            .chain(&self.better)
            .flat_map(|row| &row.new.event.keys)
            .map(|key: &'a Key| (key.kind, key.value.as_str()))
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        self.keys = intern(connection, &wanted).await?;
        for row in self.events.iter_mut().chain(&mut self.better) {
            for (key, number) in &mut row.keys {
                *number = *self.keys.get(&(key.kind, key.value.as_str())).context("a key has no number")?;
            }
        }
        Ok(())
    }
}

/// When an event expires: as its source says, else as what is stored now is kept.
fn expires(event: &Event, from: &From<'_>) -> Option<i64> {
    let kept = || from.lasting.unwrap_or_else(|| from.keeping.expires(from.received));
    event.expires_at().map(|time| time.0).or_else(kept)
}

/// What is stored under the ids of these batches.
async fn known_ids(connection: &mut Transaction, batches: &[&Batch]) -> Result<HashMap<String, Vec<Known>>> {
    let records = batches.iter().flat_map(|batch| &batch.records);
    let mut ids: Vec<&str> = records.flat_map(|record| &record.events).map(|new| new.event.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut known: HashMap<String, Vec<Known>> = HashMap::new();
    for chunk in rows::wanted(connection.engine(), &ids) {
        let mut query = Statement::new(
            "SELECT id, session, revision, content, event, said, \
                 (SELECT kind FROM events WHERE events.event = event_ids.event), \
                 (SELECT value FROM attributes WHERE attributes.event = event_ids.event AND attributes.name = 'ended' \
                 ORDER BY position LIMIT 1), \
                 EXISTS (SELECT 1 FROM tombstones WHERE tombstones.event = event_ids.event) FROM event_ids WHERE id IN (",
        );
        query.push_wanted(chunk, |mut row, id| {
            row.push_bind(*id);
        });
        for row in query.push(")").build().fetch_all(&mut *connection).await? {
            let found = Known {
                session: row.try_get(1)?,
                stored: Some(row.try_get(2)?),
                content: row.try_get(3)?,
                event: row.try_get(4)?,
                said: row.try_get(5)?,
                kind: rows::kind_of(row.try_get(6)?)?,
                end: states::end(row.try_get(7)?),
                is_purged: row.try_get(8)?,
            };
            known.entry(row.try_get(0)?).or_default().push(found);
        }
    }
    Ok(known)
}

/// The numbers of key values; new ones are stored.
async fn intern<'a>(
    connection: &mut Transaction,
    wanted: &[(KeyKind, &'a str)],
) -> Result<HashMap<(KeyKind, &'a str), i64>> {
    let mut numbers = HashMap::with_capacity(wanted.len());
    let mut new = Vec::new();
    for chunk in rows::wanted(connection.engine(), wanted) {
        let mut query = Statement::new("SELECT key, kind, value FROM keys WHERE (kind, value) IN (");
        query.push_wanted(chunk, written).push(")");
        let known = numbered(connection, query).await?;
        for (kind, value) in chunk {
            if let Some(number) = known.get(&(rows::key_code(*kind), rows::clean(value).into_owned())) {
                numbers.insert((*kind, *value), *number);
            } else {
                new.push((*kind, *value));
            }
        }
    }
    // Two values that differ in nothing but how NUL is written are one here.
    for chunk in rows::bulks(connection.engine(), &new, rows::CHUNK) {
        let mut query = Statement::new("INSERT INTO keys (kind, value) ");
        query.push_values(chunk, written).push(" ON CONFLICT DO NOTHING RETURNING key, kind, value");
        let known = numbered(connection, query).await?;
        for (kind, value) in chunk {
            let found = known.get(&(rows::key_code(*kind), rows::clean(value).into_owned()));
            numbers.insert((*kind, *value), *found.context("a key was not stored")?);
        }
    }
    Ok(numbers)
}

fn written(mut row: Values<'_>, (kind, value): &(KeyKind, &str)) {
    row.push_bind(rows::key_code(*kind)).push_bind(rows::clean(value));
}

/// Key values and their numbers, as a statement answers.
async fn numbered(connection: &mut Transaction, mut query: Statement) -> Result<HashMap<(i64, String), i64>> {
    let found = query.build().fetch_all(connection).await?;
    found.iter().map(|row| Ok(((row.try_get(1)?, row.try_get(2)?), row.try_get(0)?))).collect()
}
