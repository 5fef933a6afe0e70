//! Does the work that the pure part asks for; the only file of the screen that knows the store.

mod elsewhere;
mod follow;
mod insight;
mod long;
mod review;
mod seek;
mod whole;
mod write;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::sync::mpsc::Sender;
use tokio::task::spawn_blocking;

pub use self::elsewhere::{Elsewhere, Told};
pub use self::follow::{Answer, Refresh};
use self::whole::nest;
use super::catalog::Catalog;
use super::files;
use super::message::{Change, Described, Detail, Link, Manner, Mark, Members, Message, Request, Spot, Window};
use super::payload::{Hint, Part, Payload, View};
use crate::domain::filter::{Filter, Frame};
use crate::domain::price::Prices;
use crate::domain::{Body, Event, KeyKind, Role, Session};
use crate::report::{Joined, Pick, Step, lens};
use crate::store::{Annotation, Store};
use crate::timeline::{Join, Rows, describe};

/// How many rows a scan describes at a time.
const BATCH: usize = 512;
/// Sessions that are shown before all others are read.
const NEWEST: i64 = 200;
/// How often a scan says how far it has come.
const REPORT_EVERY: Duration = Duration::from_millis(80);
/// How much of each body the preview shows.
const GLANCE: i64 = 16 << 10;
/// How much of a body is read at a time.
const CHUNK: i64 = 1 << 20;

/// Where sessions, and the user's marks and notes, come from.
#[derive(Debug, Clone)]
pub struct Backend {
    store: Store,
    annotations: Store,
    /// What brings in files that grow.
    files: Option<Arc<dyn Refresh>>,
    elsewhere: Option<Arc<dyn Elsewhere>>,
    prices: Prices,
}

impl Backend {
    pub fn new(store: Store) -> Self {
        Self { annotations: store.clone(), store, files: None, elsewhere: None, prices: Prices::default() }
    }

    #[cfg(test)]
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Keeps marks and notes in another store, as files opened directly need it.
    pub fn with_annotations(store: Store, annotations: Store) -> Self {
        Self { annotations, ..Self::new(store) }
    }

    /// Counts costs by these prices.
    pub fn priced(self, prices: Prices) -> Self {
        Self { prices, ..self }
    }

    /// Has files watched while something is followed.
    pub fn watching(self, files: Arc<dyn Refresh>) -> Self {
        Self { files: Some(files), ..self }
    }

    /// Lists the sessions that lie elsewhere too.
    pub fn attached(self, elsewhere: Arc<dyn Elsewhere>) -> Self {
        Self { elsewhere: Some(elsewhere), ..self }
    }

    pub(super) fn is_attached(&self) -> bool {
        self.elsewhere.is_some()
    }
}

impl Backend {
    /// What went wrong, in words for the status line.
    fn reason(&self, error: &anyhow::Error) -> String {
        let explained = self.store.explained(error);
        explained.map_or_else(|| super::words::reason(error), |words| words.replace('\n', " "))
    }
}

/// Whether what is asked for is shown in a place of its own, which stays empty when it cannot be read.
fn is_shown(request: &Request) -> bool {
    matches!(
        request,
        Request::Sessions
            | Request::Session { .. }
            | Request::Heads { .. }
            | Request::Weave { .. }
            | Request::Detail { .. }
            | Request::Payload { .. }
    )
}

/// Set when a job is to end.
pub type Cancel = Arc<AtomicBool>;

/// Does one request, and sends what comes of it; a job may send several messages.
pub(crate) async fn answer(request: Request, backend: Backend, cancel: Cancel, replies: Sender<Message>) {
    let job = job_of(&request);
    let turns_of = match &request {
        Request::Turns { session, .. } => Some(*session),
        _ => None,
    };
    let again = is_shown(&request).then(|| Box::new(request.clone()));
    let worker = Worker { backend, cancel, replies: replies.clone() };
    let answer = match worker.answer(request).await {
        Ok(answer) => answer,
        Err(error) => {
            let words = worker.backend.reason(&error);
            Some(match (turns_of, again) {
                (Some(session), _) => Message::NoTurns { session, words },
                (None, Some(request)) => Message::Unread { request, words },
                (None, None) => Message::Failed { job, words },
            })
        }
    };
    if let Some(message) = answer {
        // Nobody listens once the screen is gone.
        let _ = replies.send(message).await;
    }
}

/// The number of a request that can be cancelled.
pub(crate) fn job_of(request: &Request) -> Option<u64> {
    match request {
        Request::Bring(job, _)
        | Request::Review(job, ..)
        | Request::Filter { job, .. }
        | Request::Search { job, .. }
        | Request::Find { job, .. }
        | Request::Follow { job, .. }
        | Request::Locate { job, .. }
        | Request::Seek { job, .. }
        | Request::Count { job, .. }
        | Request::Export { job, .. }
        | Request::CopyBody { job, .. }
        | Request::Spill { job, .. }
        | Request::Survey { job, .. }
        | Request::Totals { job, .. }
        | Request::Compare { job, .. }
        | Request::Weave { job, .. } => Some(*job),
        _ => None,
    }
}

struct Worker {
    backend: Backend,
    cancel: Cancel,
    replies: Sender<Message>,
}

impl Worker {
    async fn answer(&self, request: Request) -> Result<Option<Message>> {
        let store = &self.backend.store;
        Ok(Some(match request {
            Request::Sessions => {
                let newest = store.newest_sessions(NEWEST).await?;
                if newest.len() as i64 == NEWEST && !self.backend.is_attached() {
                    self.send(Message::NewestSessions(Arc::new(Catalog::of(newest)))).await;
                }
                let sessions = self.with_those_elsewhere(store.sessions().await?);
                Message::Sessions(Arc::new(spawn_blocking(|| Catalog::of(sessions)).await?))
            }
            Request::Session { id } => Message::Session { found: store.session(&id).await?.map(Box::new), id },
            Request::Heads { session, first } => {
                let rows = Arc::new(Rows::of(&store.heads_after(session, 0, first).await?));
                Message::Heads { session, rows, complete: false }
            }
            Request::Rows { session, growing, settled } => match self.grow(session, growing, settled).await {
                Ok(growing) => Message::Grown { session, growing },
                Err(error) => Message::NoRows { session, words: self.backend.reason(&error) },
            },
            Request::Turns { session, rows } => Message::Turns { session, turns: self.describe(&rows).await? },
            Request::Marks { session, id } => Message::Marks { marks: self.marks(session, &id).await?, session: id },
            Request::Mark { session, rows, change } => return self.mark(&session, &rows, &change).await,
            Request::Filter { job, session, rows, filter, frame } => {
                return self.filter(job, &session, rows, &filter, frame).await;
            }
            Request::FilterValues { session } => {
                Message::FilterValues { session, values: store.filter_values(session).await? }
            }
            Request::SavedFilters => Message::SavedFilters(self.backend.annotations.saved_filters().await?),
            Request::KeepFilter { name, text: Some(text) } => {
                self.backend.annotations.save_filter(&name, &text).await?;
                return Ok(None);
            }
            Request::KeepFilter { name, text: None } => {
                self.backend.annotations.forget_filter(&name).await?;
                return Ok(None);
            }
            Request::Search { job, rows, order, from, phrase } => {
                let mut order = order.map_or_else(|| (0..rows.len() as u32).collect(), |order| order.to_vec());
                let from = from.min(order.len());
                order.rotate_left(from);
                return self.search(job, rows, order, &phrase).await;
            }
            Request::Locate { job, session, lineage, id } => {
                let named = store.named(session, &id).await?;
                let (key, events) = match named.first() {
                    Some(event) => (None, vec![*event]),
                    None => store
                        .holding(&lineage, &id)
                        .await?
                        .map_or((None, Vec::new()), |(key, events)| (Some(key.name()), events)),
                };
                Message::Located { job, id, key, events }
            }
            Request::Sharing { session, lineage, rows, members, kind, forward } => {
                let (row, words) = self.sharing(&lineage, &rows, &members, kind, forward).await?;
                Message::Shared { session, row, words }
            }
            Request::Follow { job, session } => return self.follow(job, session.as_deref()).await,
            Request::Bring(job, id) => self.bring(job, &id).await?,
            Request::Find { job, text } => return self.find(job, &text).await.map(Some),
            Request::Nest { session, rows, parents, shown } => nest(session, rows, parents, shown).await?,
            Request::Detail { session, members } => {
                Message::Detail { session, detail: Box::new(self.detail(members).await?) }
            }
            Request::Weave { job, session } => self.weave(job, &session).await?,
            Request::Lens { session, rows, joined, members, purpose } => {
                let groups = lens(store, &session, &rows, joined.as_ref(), &members.numbers).await?;
                let (session, of, joined) = (session.number, members.key, joined.is_some());
                Message::Lens { session, of, groups, joined, purpose }
            }
            Request::Links { session, joined, members } => {
                let links = self.links(&joined, &members).await?;
                Message::Links { session, key: members.key, links }
            }
            request => return self.of_bytes(request).await,
        }))
    }

    /// Requests that read bodies, or write files.
    async fn of_bytes(&self, request: Request) -> Result<Option<Message>> {
        Ok(Some(match request {
            Request::Glance { session, members, manner } => {
                let windows = self.glance(&members).await?;
                let view = Box::new(self.view(&windows, manner).await?);
                Message::Glance { session, key: members.key, view }
            }
            Request::Payload { key, tab, windows, manner } => {
                let view = Box::new(self.view(&windows, manner).await?);
                Message::Payload { key, tab, windows, view }
            }
            Request::Seek { job, key, tab, body, phrase, from, forward } => {
                let at = self.seek(job, &body, &phrase, from, forward).await?;
                Message::Sought { job, key, tab, at }
            }
            Request::Count { job, key, tab, body, phrase } => {
                let count = self.count(job, &body, &phrase).await?;
                Message::Counted { job, key, tab, phrase, count }
            }
            Request::Review(job, wish, before) => self.review(job, wish, before).await?,
            Request::Export { job, selection, path, numbered } => self.export(job, &selection, &path, numbered).await?,
            Request::Record { members } => Message::Record { bytes: self.record(&members).await? },
            Request::SaveCopy { bytes } => {
                let path = spawn_blocking(move || files::save_copy(&bytes)).await??;
                Message::Noted(format!("too long for the terminal's clipboard: written to {}", path.display()))
            }
            Request::CopyBody { job, body } => self.copy_body(job, body).await?,
            Request::Spill { job, members, bodies, then } => self.spill(job, &members, bodies, then).await?,
            request => return self.of_insight(request).await,
        }))
    }

    fn check(&self) -> Result<()> {
        if self.cancel.load(Ordering::Relaxed) {
            bail!("cancelled");
        }
        Ok(())
    }

    /// The events of several rows, row by row, read at once.
    async fn events_of(&self, rows: &[Members]) -> Result<Vec<Vec<Event>>> {
        let numbers: Vec<i64> = rows.iter().flat_map(|row| row.numbers.iter().copied()).collect();
        let events = self.backend.store.events(&numbers).await?;
        let mut known: HashMap<i64, Event> = events.into_iter().map(|event| (event.number, event)).collect();
        Ok(rows.iter().map(|row| row.numbers.iter().filter_map(|number| known.remove(number)).collect()).collect())
    }

    async fn describe(&self, rows: &[Members]) -> Result<Vec<Described>> {
        let events = self.events_of(rows).await?;
        Ok(rows.iter().zip(events).map(|(row, events)| (row.key, row.numbers.len(), describe(&events))).collect())
    }

    async fn marks(&self, session: i64, id: &str) -> Result<Vec<(i64, Mark)>> {
        let mut marks = Vec::new();
        for Annotation { row, marked, note, .. } in self.backend.annotations.annotations(id).await? {
            // Of a turn the leading event is the first that is no result; it is found by its row later.
            if let Some(event) = self.backend.store.named(session, &row).await?.first() {
                marks.push((*event, Mark { marked, note }));
            }
        }
        Ok(marks)
    }

    async fn mark(&self, session: &str, rows: &[Members], change: &Change) -> Result<Option<Message>> {
        let known = self.backend.annotations.annotations(session).await?;
        for (_, _, turn) in self.describe(rows).await? {
            let row = turn.context("the row is no longer in the store")?.id;
            let before = known.iter().find(|annotation| annotation.row == row);
            let fresh = Annotation { session: session.to_owned(), row, marked: false, note: None };
            let mut annotation = before.cloned().unwrap_or(fresh);
            match change {
                Change::Marked(marked) => annotation.marked = *marked,
                Change::Note(note) => annotation.note.clone_from(note),
            }
            if let Err(error) = self.backend.annotations.annotate(&annotation).await {
                let reason = self.backend.annotations.explained(&error);
                let reason = reason.unwrap_or_else(|| super::words::reason(&error));
                bail!("this {} is on the screen only: {reason}", change.name());
            }
        }
        Ok(None)
    }

    /// Reads the rows that a filter may match, and says which of them do.
    async fn filter(
        &self,
        job: u64,
        session: &Session,
        rows: Arc<Rows>,
        filter: &Filter,
        frame: Frame,
    ) -> Result<Option<Message>> {
        let Backend { store, annotations, .. } = &self.backend;
        let mut pick = Pick::of(store, annotations, session, rows, &filter.expression, frame).await?;
        let mut found: Vec<u32> = Vec::new();
        let mut reported = Instant::now();
        while !pick.is_done() {
            self.check()?;
            found.extend(pick.part().await?.into_iter().map(|(row, _)| row as u32));
            if reported.elapsed() >= REPORT_EVERY {
                reported = Instant::now();
                let (rows, scanned) = (std::mem::take(&mut found), pick.decided());
                self.send(Message::Hits { job, rows, scanned }).await;
            }
        }
        self.send(Message::Hits { job, rows: found, scanned: pick.decided() }).await;
        Ok(Some(Message::Ended { job, words: String::new() }))
    }

    async fn send(&self, message: Message) {
        // Nobody listens once the screen is gone.
        let _ = self.replies.send(message).await;
    }

    /// The next row that shares a key with a row, or the one before, and words for it.
    async fn sharing(
        &self,
        lineage: &str,
        rows: &Rows,
        members: &Members,
        kind: Option<KeyKind>,
        forward: bool,
    ) -> Result<(Option<usize>, String)> {
        let events = self.backend.store.events(&members.numbers).await?;
        let mut keys = Event::distinct_keys(&events);
        keys.retain(|key| kind.is_none_or(|kind| key.kind == kind));
        let shared = self.backend.store.sharing(lineage, &keys).await?;
        let here = rows.position(members.key).unwrap_or(0);
        let others: HashSet<i64> = shared.iter().flat_map(|(_, numbers)| numbers.iter().copied()).collect();
        let shares = |row: &usize| rows.members(*row).iter().any(|number| others.contains(number));
        let found = if forward { (here + 1..rows.len()).find(shares) } else { (0..here).rev().find(shares) };
        let words = match found {
            None => format!("no row {} this one shares a key with it", if forward { "after" } else { "before" }),
            Some(row) => shared
                .iter()
                .find(|(_, numbers)| rows.members(row).iter().any(|number| numbers.contains(number)))
                .map_or_else(String::new, |(key, _)| format!("same {} {}", key.kind.name(), key.value)),
        };
        Ok((found, words))
    }

    async fn detail(&self, members: Members) -> Result<Detail> {
        let store = &self.backend.store;
        let events = store.events(&members.numbers).await?;
        let turn = describe(&events).context("the row is no longer in the store")?;
        let bodies = store.bodies(&members.numbers).await?;
        let mut spots = Vec::new();
        for event in &members.numbers {
            for origin in store.origins(*event).await? {
                let (importer, path) = (origin.importer, origin.path);
                spots.push(Spot { event: *event, importer, path, offset: origin.offset, size: origin.size });
            }
        }
        Ok(Detail { key: members.key, turn, events, bodies, spots })
    }

    /// The joins of a row, each with an event and the words of the row it leads to.
    async fn links(&self, joined: &Joined, members: &Members) -> Result<Vec<Link>> {
        let store = &self.backend.store;
        let own = store.events(&members.numbers).await?;
        let step = Step::of(own).context("the row is no longer in the store")?;
        let joins = joined.joins(store, std::slice::from_ref(&step)).await?.pop().unwrap_or_default();
        let words = match joined.node(members.key) {
            Some(node) => joined.words(store, node).await?,
            None => HashMap::new(),
        };
        let link = |join: Join| {
            let there = words.get(&join.to).filter(|_| join.to != step.turn.id);
            let other = |id: &String| {
                let known = words.get(id);
                (id.clone(), known.map(|(event, _)| *event), known.map(|(_, words)| words.clone()).unwrap_or_default())
            };
            Link {
                event: there.map(|(event, _)| *event),
                label: there.map(|(_, words)| words.clone()).unwrap_or_default(),
                others: considered(&join).map(other).collect(),
                join,
            }
        };
        Ok(joins.into_iter().map(link).collect())
    }

    /// The beginnings of the bodies of a row; of a row without any, that of its record.
    async fn glance(&self, members: &Members) -> Result<Vec<Window>> {
        let bodies = self.backend.store.bodies(&members.numbers).await?;
        let speaks = |body: &&Body| matches!(body.role, Role::Input | Role::Output | Role::Context);
        let mut shown: Vec<&Body> = bodies.iter().filter(speaks).take(8).collect();
        if shown.is_empty() {
            shown = bodies.iter().filter(|body| body.role == Role::Raw).take(1).collect();
        }
        Ok(shown
            .into_iter()
            .map(|body| Window {
                title: body.role.name().to_owned(),
                from: 0,
                length: body.size.min(GLANCE),
                body: body.clone(),
                hint: Hint::default(),
                text: None,
            })
            .collect())
    }

    async fn view(&self, windows: &[Window], manner: Manner) -> Result<View> {
        let mut parts = Vec::new();
        for window in windows {
            let (title, hint) = (window.title.clone(), window.hint.clone());
            let bytes = match &window.text {
                Some(text) => text.to_vec(),
                None => self.read(&window.body, window.from, window.length).await?,
            };
            let (size, from) = (window.body.size.max(0) as u64, window.from.max(0) as u64);
            parts.push(Part { title, size, bytes, from, hint });
        }
        let prepare = move || {
            let mut view = View::new(Payload { parts }, manner.mode, manner.options);
            view.rows(manner.width);
            view
        };
        Ok(spawn_blocking(prepare).await?)
    }

    async fn read(&self, body: &Body, from: i64, length: i64) -> Result<Vec<u8>> {
        let length = length.min(body.size - from).max(0);
        self.backend.store.read(body.blob, body.start + from, length).await
    }
}

/// The rows that a join could not choose from, and those that it rejected.
fn considered(join: &Join) -> impl Iterator<Item = &String> {
    let rejected = join.rejected.iter().map(|row| &row.to);
    let open = join.candidates.iter().filter(|row| join.rejected.iter().all(|known| known.to != **row));
    open.chain(rejected)
}
/// What the tests' sample is put into a store with: no other file of the screen names the store.
#[cfg(test)]
pub(super) mod stored {
    pub(crate) use crate::store::{
        Batch, NewBody, NewEvent, NewRecord, Piece, Place, RecordStatus, SourceStep, Store, digest,
    };
}
