//! Answers to requests. Those for a session or a row that is no longer open are dropped.

use std::sync::Arc;

use super::{commands, event, everywhere, find, follow, go, joins, keep, lens, panel, payload, review, sheet};
use crate::timeline::Growing;
use crate::ui::message::{Mark, Message, Request, Terminal};
use crate::ui::sheet::Content;
use crate::ui::state::{State, Timeline, Unread, Wanted};

pub(super) fn take(state: &mut State, answer: Message) -> Vec<Request> {
    let height = state.height();
    mend(state, &answer);
    match answer {
        Message::NewestSessions(catalog) if !state.sessions.loaded => {
            state.sessions.take(catalog, height);
            state.sessions.loaded = false;
        }
        Message::NewestSessions(_) => {}
        Message::Unread { request, words } => unread(state, *request, words),
        Message::Sessions(catalog) => {
            let first_time = !state.sessions.loaded;
            state.fresh.listing = false;
            state.sessions.take(catalog, height);
            refresh_session(state, first_time);
        }
        Message::Session { id, found } => return session(state, &id, found.map(|session| *session)),
        Message::Heads { session, rows, complete } => return heads(state, session, rows, complete),
        Message::Grown { session, growing } => return grown(state, session, growing),
        Message::NoRows { session, words } => {
            let Some(timeline) = open(state, session) else { return Vec::new() };
            timeline.reading = false;
            let (growing, settled) = (Box::default(), state.fresh.settled);
            unread(state, Request::Rows { session, growing, settled }, words);
        }
        Message::Turns { session, turns } => {
            if let Some(timeline) = open(state, session) {
                timeline.turns.asked = false;
                timeline.turns.take(turns);
            }
        }
        Message::NoTurns { session, words } => {
            if let Some(timeline) = open(state, session) {
                (timeline.turns.asked, timeline.turns.failed) = (false, true);
                state.warn(words);
            }
        }
        Message::Found { job, hits, total } => everywhere::take(state, job, hits, total),
        Message::Nested { session, rows, shown, tree } => {
            if let Some(timeline) = open(state, session).filter(|timeline| timeline.awaits(&rows, &shown)) {
                timeline.nest(*tree, height);
            }
        }
        Message::Marks { session, marks } => take_marks(state, &session, marks),
        Message::FilterValues { session, values } => {
            if let Some(timeline) = open(state, session) {
                timeline.values = Some(values);
            }
            panel::recheck_open(state);
        }
        Message::SavedFilters(saved) => state.saved = saved,
        Message::Hits { job, rows, scanned } => hits(state, job, &rows, scanned, false),
        Message::Inside { job, rows, scanned } => hits(state, job, &rows, scanned, true),
        Message::Shared { session, row, words } => shared(state, session, row, words),
        Message::Glance { session, key, view } => {
            if let Some(timeline) = open(state, session).filter(|timeline| timeline.preview.row == Some(key)) {
                timeline.preview.top = 0;
                timeline.preview.shown = Some((key, view));
            }
        }
        Message::Lens { session, of, groups, joined, purpose } if open(state, session).is_some() => {
            return lens::take(state, of, groups, joined, purpose);
        }
        Message::Detail { session, detail } => return event::detail(state, session, *detail),
        Message::Links { session, key, links } => event::links(state, session, key, links),
        Message::Insight { session, key, insight } => return event::insight(state, session, key, insight),
        Message::Payload { key, tab, windows, view } => return payload::take(state, key, tab, &windows, view),
        Message::Record { bytes } => return keep::copy_bytes(state, bytes),
        Message::Noted(words) => state.say(words),
        answer => return of_job(state, answer),
    }
    Vec::new()
}

/// Keeps what could not be read, so that it can be asked for again.
fn unread(state: &mut State, request: Request, words: String) {
    if let Request::Weave { job, .. } = &request {
        // What was cancelled is not missing.
        if !state.jobs.end(*job) {
            return;
        }
        if let Some(timeline) = &mut state.timeline {
            timeline.weaving.take_if(|weaving| weaving == job);
        }
    }
    state.warn(format!("{words}; ^L tries again"));
    let unread = state.unread.get_or_insert_with(|| Unread { words: String::new(), requests: Vec::new() });
    unread.words = words;
    if !unread.requests.contains(&request) {
        unread.requests.push(request);
    }
}

/// What has been read now is not missing any more.
fn mend(state: &mut State, answer: &Message) {
    let Some(unread) = &mut state.unread else { return };
    unread.requests.retain(|request| {
        !matches!(
            (request, answer),
            (Request::Sessions, Message::Sessions(_))
                | (Request::Session { .. }, Message::Session { .. })
                | (Request::Heads { .. }, Message::Heads { .. })
                | (Request::Rows { .. }, Message::Grown { .. })
                | (Request::Weave { .. }, Message::Woven { .. })
                | (Request::Detail { .. }, Message::Detail { .. })
                | (Request::Payload { .. }, Message::Payload { .. })
        )
    });
    state.unread.take_if(|unread| unread.requests.is_empty());
}

fn take_marks(state: &mut State, session: &str, marks: Vec<(i64, Mark)>) {
    let Some(timeline) = state.timeline.as_mut().filter(|timeline| timeline.session.id == session) else { return };
    // An annotation leads to some event of its row; rows are known by the leading one.
    let key = |event| timeline.key(timeline.rows.position(event)?);
    timeline.marks = marks.into_iter().filter_map(|(event, mark)| Some((key(event)?, mark))).collect();
}

/// Answers of jobs: those of a job that was cancelled are dropped.
fn of_job(state: &mut State, answer: Message) -> Vec<Request> {
    match answer {
        Message::Progress { job, words } => state.jobs.progress(job, words),
        Message::News { job } => follow::news(state, job),
        Message::Brought(job, found, words) if state.jobs.end(job) => {
            state.fresh.changed();
            let requests = go::open(state, *found, None);
            words.into_iter().for_each(|words| state.warn(words));
            return requests;
        }
        Message::Woven { job, session, joined, findings } if state.jobs.end(job) => {
            return joins::take(state, session, joined, findings);
        }
        Message::Located { job, id, key, events } if state.jobs.end(job) => {
            return commands::located(state, &id, key, &events);
        }
        Message::Sought { job, key, tab, at } if state.jobs.end(job) => return payload::sought(state, key, tab, at),
        Message::Counted { job, key, tab, phrase, count } if state.jobs.end(job) => {
            payload::counted(state, key, tab, &phrase, count);
        }
        Message::Ended { job, words } if state.jobs.end(job) => ended(state, job, words),
        Message::Surveyed { job, session, survey } if state.jobs.end(job) => {
            return sheet::surveyed(state, job, session, survey);
        }
        Message::Totals { job, totals } if state.jobs.end(job) => sheet::fill(state, job, Content::Usage(totals)),
        Message::Reviewed(job, found, wish) if state.jobs.end(job) => review::take(state, job, found, *wish),
        Message::Compared { job, comparison } if state.jobs.end(job) => sheet::compared(state, job, comparison),
        Message::Spilled { job, then, file } if state.jobs.end(job) => {
            return vec![Request::Terminal(Terminal::Run { then, file })];
        }
        Message::Failed { job: Some(job), words } if state.jobs.is_doing(job, go::BRINGING) => {
            state.jobs.end(job);
            state.warn(format!("Enter tries again: {words}"));
        }
        Message::Failed { job: Some(job), words } if state.jobs.end(job) => {
            ended(state, job, String::new());
            sheet::forget(state, job);
            state.warn(words);
        }
        Message::Failed { job: None, words } => state.warn(words),
        _ => {}
    }
    Vec::new()
}

fn open(state: &mut State, session: i64) -> Option<&mut Timeline> {
    state.timeline.as_mut().filter(|timeline| timeline.session.number == session)
}

/// The title and the counts of the open session may have changed; a list read for the first time begins at it.
fn refresh_session(state: &mut State, first_time: bool) {
    let height = state.height();
    let Some(timeline) = &mut state.timeline else { return };
    if let Some(session) = state.sessions.catalog.find(&timeline.session.id) {
        timeline.session = session.clone();
    }
    let sessions = &mut state.sessions;
    if let Some(line) = sessions.line_of(&timeline.session.id).filter(|_| first_time) {
        sessions.list.jump(line, sessions.lines.len(), height);
    }
}

fn session(state: &mut State, id: &str, found: Option<crate::domain::Session>) -> Vec<Request> {
    match found {
        Some(session) => {
            let wanted = state.aim.take().map(Wanted::row);
            go::open(state, session, wanted)
        }
        None => {
            state.warn(format!("there is no session {id}"));
            if state.sessions.loaded { Vec::new() } else { vec![Request::Sessions] }
        }
    }
}

fn heads(state: &mut State, session: i64, rows: Arc<crate::timeline::Rows>, complete: bool) -> Vec<Request> {
    let height = state.height();
    let Some(timeline) = open(state, session) else { return Vec::new() };
    // Less than what is here was read before it; what is the same needs no new look.
    let fewer = rows.len() < timeline.rows.len();
    let nothing_new = if complete { timeline.complete && *timeline.rows == *rows } else { timeline.complete || fewer };
    if nothing_new {
        return Vec::new();
    }
    let first_time = !timeline.complete;
    let wanted = timeline.take(rows, complete, height);
    let id = timeline.session.id.clone();
    let mut requests = Vec::new();
    if complete {
        if first_time {
            requests.push(Request::Marks { session, id });
        }
        requests.extend(weave(state));
        requests.extend(look_again(state));
        requests.extend(event::refresh(state));
    }
    if let Some((event, tab)) = wanted.and_then(|wanted| Some((wanted.event, wanted.tab?))) {
        requests.extend(event::open(state, event, tab));
    }
    requests
}

fn grown(state: &mut State, session: i64, growing: Box<Growing>) -> Vec<Request> {
    let importing = state.import.is_some() || state.fresh.rows || state.followed().is_some();
    let Some(timeline) = open(state, session) else { return Vec::new() };
    let rows = Arc::new(growing.rows().clone());
    timeline.reading = false;
    // Once nothing more comes in, only the rows themselves are of use.
    if importing {
        timeline.growing = growing;
    }
    let mut requests = heads(state, session, rows, true);
    if requests.is_empty() && !importing {
        // The last rows were here before the end was told; what had waited for the end is done now.
        requests.extend(weave(state));
        requests.extend(look_again(state));
    }
    requests
}

/// Searches and filters again over new rows; while long ones still come in, once they are all here.
fn look_again(state: &mut State) -> Vec<Request> {
    let many = state.timeline.as_ref().is_some_and(|timeline| timeline.rows.len() > FEW);
    let growing = state.import.is_some() || state.followed().is_some();
    if many && growing { Vec::new() } else { find::rerun(state) }
}

/// Whether a session is followed whose joins cost too much to be worked out for every row that comes in.
fn grows_long(state: &State) -> bool {
    let long = state.timeline.as_ref().is_some_and(|timeline| timeline.rows.len() > JOINED_LIVE);
    long && state.followed().is_some()
}

/// Rows whose joins are worked out anew as often as more come in.
const JOINED_LIVE: usize = 5_000;

/// Rows that are looked through, and joined, without being asked.
const FEW: usize = 50_000;

/// Asks for the joins of the rows as they are now; while an import goes on, they would be old at once.
///
/// Joins of very many rows take much memory: they wait until a row is opened, or something else asks for them.
pub(super) fn weave(state: &mut State) -> Vec<Request> {
    let importing = state.import.is_some() || grows_long(state);
    let opened = state.event.is_some();
    let Some(timeline) = state.timeline.as_mut().filter(|timeline| timeline.complete) else { return Vec::new() };
    let waits = timeline.rows.len() > FEW && !opened && timeline.joined.is_none();
    if waits || importing && timeline.joined.is_some() {
        return Vec::new();
    }
    joins::ask_quietly(state).into_iter().collect()
}

/// Takes rows that a filter passes, or in which a phrase was found: in what the list says of them, or inside.
fn hits(state: &mut State, job: u64, rows: &[u32], scanned: usize, inside: bool) {
    let height = state.height();
    let Some(timeline) = &mut state.timeline else { return };
    let percent = |scanned: usize, all: usize| format!("{}%", scanned * 100 / all.max(1));
    if let Some(found) = timeline.filter.as_mut().filter(|found| found.job == Some(job)) {
        state.jobs.progress(job, percent(scanned, timeline.rows.len()));
        // A filter that runs anew over more rows replaces what the run before it found.
        if found.scanned == 0 {
            found.rows.clear();
        }
        found.scanned = scanned;
        found.rows.extend_from_slice(rows);
        timeline.arrange(height);
        timeline.stand_again(height);
        return;
    }
    let Some(search) = timeline.search.as_mut().filter(|search| search.job == Some(job)) else { return };
    state.jobs.progress(job, percent(scanned, search.total));
    search.scanned = scanned;
    let before = search.rows.len();
    search.add(rows);
    if inside {
        search.inside += search.rows.len() - before;
    }
    if let (true, Some(first)) = (search.jump, rows.first()) {
        search.jump = false;
        timeline.land_on(*first as usize, height);
    }
}

/// A job has come to its end.
fn ended(state: &mut State, job: u64, words: String) {
    if !words.is_empty() {
        state.say(words);
    }
    if let Some(found) = state.found.as_mut().filter(|found| found.job == Some(job)) {
        found.job = None;
    }
    let Some(timeline) = &mut state.timeline else { return };
    if let Some(found) = timeline.filter.as_mut().filter(|found| found.job == Some(job)) {
        found.job = None;
        if found.scanned == 0 {
            found.rows.clear();
        }
    }
    if let Some(search) = timeline.search.as_mut().filter(|search| search.job == Some(job)) {
        search.job = None;
        if search.rows.is_empty() {
            let text = format!("not found: {}", search.phrase.text);
            state.warn(text);
        }
    }
}

fn shared(state: &mut State, session: i64, row: Option<usize>, words: String) {
    let height = state.height();
    if open(state, session).is_none() {
        return;
    }
    go::leave(state);
    if let (Some(row), Some(timeline)) = (row, state.timeline.as_mut()) {
        timeline.land_on(row, height);
    }
    state.say(words);
}
