//! Which session of the original is meant, as its report was asked for one: found, never guessed.
//!
//! The original took the next best session when the one asked for was not there. Here such sessions are only listed,
//! each with what speaks for it, and the user picks.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::location::Location;
use super::when::moment;
use super::zone::Zone;
use super::{session, tell, usage};
use crate::cli::Original;
use crate::domain::present::AGENT;
use crate::domain::{Head, Kind, Session, Timestamp, safe};
use crate::store::Store;

/// Candidates that an error lists.
const MOST: usize = 10;
/// What the label of a report says was taken from elsewhere than the session's own rows.
const FROM_ELSEWHERE: [&str; 4] = ["room_transcript", MADE_OF_TURNS, "artifact_tasks", "artifact_traces"];
const MADE_OF_TURNS: &str = "artifact_turns_transcript";
/// Events of no table are few, and the header is among the first.
const HEADERS: usize = 50;

/// A session, and the part of its time that is wanted.
#[derive(Debug)]
pub struct Chosen {
    pub session: Session,
    pub window: Window,
    /// How it was found, as the original would have called that.
    pub scope: String,
    /// The run that is meant, where its result was given.
    pub run: Option<String>,
}

/// A part of a session's time; open where a bound is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
}

impl Window {
    fn parse(original: &Original, zone: &Zone) -> Result<Self> {
        let bound =
            |name: &str, text: &Option<String>| text.as_deref().map(|text| moment(name, text, zone)).transpose();
        let window = Self {
            start: bound("--window-start", &original.window_start)?,
            end: bound("--window-end", &original.window_end)?,
        };
        if let (Some(start), Some(end)) = (window.start, window.end)
            && start > end
        {
            return Err(usage("the window ends before it starts"));
        }
        Ok(window)
    }

    pub fn is_open(&self) -> bool {
        self.start.is_none() && self.end.is_none()
    }

    pub fn holds(&self, time: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= time) && self.end.is_none_or(|end| time <= end)
    }

    /// The events inside, with all others of their turns: half a turn would look like a lost one.
    pub fn narrow(&self, heads: Vec<Head>) -> Vec<Head> {
        if self.is_open() {
            return heads;
        }
        let inside = heads.iter().filter(|head| self.holds(head.time));
        let turns: std::collections::HashSet<u64> = inside.map(|head| head.turn).filter(|turn| *turn != 0).collect();
        heads.into_iter().filter(|head| self.holds(head.time) || turns.contains(&head.turn)).collect()
    }

    fn overlaps(&self, session: &Session) -> bool {
        let Some((started, ended)) = session.started.zip(session.ended) else { return false };
        !self.is_open() && self.start.is_none_or(|start| start <= ended) && self.end.is_none_or(|end| started <= end)
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bound = |time: Option<Timestamp>, open: &str| time.map_or_else(|| open.to_owned(), Timestamp::rfc3339);
        write!(formatter, "{} to {}", bound(self.start, "the start"), bound(self.end, "the end"))
    }
}

/// The session that is named, or described as the original's report described it.
pub async fn find(store: &Store, name: Option<&str>, original: &Original, zone: &Zone) -> Result<Chosen> {
    let window = Window::parse(original, zone)?;
    let asked = Asked::of(original, window)?;
    let Some(asked) = asked else {
        let Some(name) = name else { return Err(usage("no session is named")) };
        let session = session::find(store, name).await?;
        let by = if session.room.as_deref() == Some(name) { "room_name" } else { "session_id" };
        let scope = scope(store, &session, by, false).await?;
        return Ok(Chosen { session, window, scope, run: None });
    };
    if let Some(name) = name {
        return Err(usage(format!("`{}` and the options both name a session: give one of them", safe(name))));
    }
    let sessions = store.sessions().await?;
    let candidates = asked.candidates(&sessions);
    match asked.fitting(&candidates).as_slice() {
        [chosen] => {
            let scope = chosen.scope(store).await?;
            tell(&format!("session {}, found by {}; scope {scope}", chosen.session.id, chosen.evidence.join(", ")));
            Ok(Chosen { session: chosen.session.clone(), window, scope, run: asked.run.clone() })
        }
        fitting => bail!(refusal(store, &asked, &candidates, fitting.len()).await?),
    }
}

/// The session that is named or described, else all of them; `None` where there is no store yet.
pub async fn find_or_all(
    location: &Location,
    name: Option<&str>,
    original: &Original,
    zone: &Zone,
) -> Result<Option<(Store, Vec<Session>, Window)>> {
    if name.is_some() || original.describes() {
        let store = location.open().await?;
        let Chosen { session, window, .. } = find(&store, name, original, zone).await?;
        return Ok(Some((store, vec![session], window)));
    }
    let window = Window::parse(original, zone)?;
    let Some(store) = location.open_if_there().await? else { return Ok(None) };
    let sessions = store.sessions().await?;
    Ok(Some((store, sessions, window)))
}

/// The places of those sessions of a database that the options describe, else of all; and the window that is asked for.
pub fn among(sessions: &[Session], original: &Original, zone: &Zone) -> Result<(Vec<usize>, Window)> {
    let window = Window::parse(original, zone)?;
    let Some(mut asked) = Asked::of(original, window)? else { return Ok(((0..sessions.len()).collect(), window)) };
    if !sessions.iter().any(|session| asked.run.as_ref() == Some(&session.id)) {
        // A run is no session of the database; its canvas and its room lead there.
        asked.run = None;
    }
    let candidates = asked.candidates(sessions);
    let fitting = asked.fitting(&candidates);
    if fitting.is_empty() {
        let lines = candidates.iter().map(|candidate| candidate.line(None)).collect();
        bail!(asked.refusal(lines, 0));
    }
    let is_meant = |session: &Session| fitting.iter().any(|candidate| candidate.session.id == session.id);
    Ok(((0..sessions.len()).filter(|place| is_meant(&sessions[*place])).collect(), window))
}

/// What the report was asked for: options first, then the artifact.
#[derive(Debug, Default)]
struct Asked {
    session: Option<String>,
    canvas: Option<String>,
    room: Option<String>,
    run: Option<String>,
    window: Window,
}

impl Asked {
    /// `None` where no option describes a session.
    fn of(original: &Original, window: Window) -> Result<Option<Self>> {
        for (name, id) in [("--session-id", &original.session_id), ("--canvas-id", &original.canvas_id)] {
            if let Some(id) = id.as_ref().filter(|id| !is_uuid(id)) {
                return Err(usage(format!("{name} `{}` is no UUID", safe(id))));
            }
        }
        let artifact = original.result_json.as_deref().map(Artifact::read).transpose()?.unwrap_or_else(Artifact::none);
        let canvas = original.canvas_id.clone().or(artifact.canvas);
        let asked = Self {
            session: original.session_id.clone(),
            canvas,
            room: original.room.clone().or(artifact.room),
            run: artifact.run,
            window: if window.is_open() { artifact.window } else { window },
        };
        let described = [&asked.session, &asked.canvas, &asked.room, &asked.run].iter().any(|part| part.is_some());
        Ok((described || original.result_json.is_some()).then_some(asked))
    }

    /// Every session for which something speaks, those first for which most does.
    fn candidates<'a>(&self, sessions: &'a [Session]) -> Vec<Candidate<'a>> {
        let in_room = |session: &&Session| self.room.is_some() && session.room == self.room;
        let newest = sessions.iter().filter(in_room).max_by_key(|session| session.ended).map(|session| &session.id);
        let mut found: Vec<Candidate<'a>> = Vec::new();
        for session in sessions {
            let mut evidence = Vec::new();
            let is = |wanted: &Option<String>, own: Option<&String>| wanted.is_some() && wanted.as_ref() == own;
            let (id, run) = (is(&self.session, Some(&session.id)), is(&self.run, Some(&session.id)));
            let (canvas, room) = (is(&self.canvas, session.canvas.as_ref()), in_room(&session));
            let named = [(id, "exact id"), (run, "run id"), (canvas, "canvas")];
            evidence.extend(named.iter().filter(|(is, _)| *is).map(|(_, word)| (*word).to_owned()));
            if room {
                let newest = if newest == Some(&session.id) { " (newest there)" } else { "" };
                evidence.push(format!("room{newest}"));
            }
            if evidence.is_empty() {
                continue;
            }
            if self.canvas.is_some() && !canvas {
                evidence.push(
                    session.canvas.as_ref().map_or("no canvas".to_owned(), |other| format!("other canvas {other}")),
                );
            }
            if self.room.is_some() && !room {
                evidence
                    .push(session.room.as_ref().map_or("no room".to_owned(), |other| format!("other room {other}")));
            }
            if self.window.overlaps(session) {
                evidence.push("time overlaps".to_owned());
            }
            found.push(Candidate { session, evidence, id, run, canvas, room });
        }
        found.sort_by_key(|candidate| {
            std::cmp::Reverse((candidate.id, candidate.run, candidate.canvas, candidate.room))
        });
        found
    }

    /// The sessions that are exactly what was asked for. Nothing is chosen among several.
    fn fitting<'a>(&self, candidates: &'a [Candidate<'a>]) -> Vec<&'a Candidate<'a>> {
        let fits = |candidate: &&Candidate<'_>| {
            let canvas = self.canvas.is_none() || candidate.canvas;
            let room = self.room.is_none() || candidate.room;
            match (&self.session, &self.run, &self.canvas) {
                (Some(_), _, _) => candidate.id && canvas && room,
                (None, Some(_), _) if candidate.run => room,
                (None, _, Some(_)) => canvas && room,
                (None, Some(_), None) => false,
                (None, None, None) => room,
            }
        };
        let fitting: Vec<_> = candidates.iter().filter(fits).collect();
        // A run's own session is what its artifact means, whatever else lies on its canvas.
        match fitting.iter().find(|candidate| candidate.run && self.session.is_none()) {
            Some(own) => vec![own],
            None => fitting,
        }
    }
}

impl Asked {
    /// Why no session is chosen, with those that come near, a line each.
    fn refusal(&self, candidates: Vec<String>, fitting: usize) -> String {
        let wanted = [("session", &self.session), ("run", &self.run), ("canvas", &self.canvas), ("room", &self.room)];
        let wanted = wanted.iter().filter_map(|(name, value)| Some(format!("{name} {}", safe(value.as_deref()?))));
        let wanted = wanted.collect::<Vec<_>>().join(", ");
        if candidates.is_empty() {
            return format!("no session is of {wanted}: `turnscope sessions` lists all");
        }
        let mut lines = vec![match fitting {
            0 => format!("no session is exactly of {wanted}; these come near, name the one you mean by its id:"),
            several => format!("{several} sessions are of {wanted}; name the one you mean by its id:"),
        }];
        let more = candidates.len().saturating_sub(MOST);
        lines.extend(candidates.into_iter().take(MOST));
        if more > 0 {
            lines.push(format!("  and {more} more"));
        }
        lines.join("\n")
    }
}

/// A session for which something speaks.
#[derive(Debug)]
struct Candidate<'a> {
    session: &'a Session,
    evidence: Vec<String>,
    id: bool,
    run: bool,
    canvas: bool,
    room: bool,
}

impl Candidate<'_> {
    /// How the original would have called that it was found.
    async fn scope(&self, store: &Store) -> Result<String> {
        let by = match self {
            Self { id: true, .. } => "session_id",
            Self { canvas: true, .. } => "canvas_id",
            _ => "room_name",
        };
        scope(store, self.session, by, self.run).await
    }

    /// The session, what speaks for it, and how the original would have called that.
    fn line(&self, scope: Option<&str>) -> String {
        let scope = scope.map_or_else(String::new, |scope| format!("  [{scope}]"));
        format!("  {}  {}{scope}", safe(&self.session.id), safe(&self.evidence.join(", ")))
    }
}

/// The label that the original gives to how it finds a session: by what it is asked for, and what its report says was
/// taken from elsewhere.
async fn scope(store: &Store, session: &Session, by: &str, is_run: bool) -> Result<String> {
    if session.agent != AGENT {
        return Ok(by.to_owned());
    }
    let heads = store.heads(session.number, None).await?;
    let first = |kind: Kind| heads.iter().filter(move |head| head.kind == kind).take(HEADERS);
    let lines = first(Kind::Transcript).filter(|_| is_run);
    let numbers: Vec<i64> = first(Kind::Other).chain(lines).map(|head| head.number).collect();
    let events = store.events(&numbers).await?;
    let told = events.iter().find_map(|event| event.attribute("reportScope")).unwrap_or("");
    let is_made = session.id.starts_with("synthetic:") || told.starts_with("synthetic_");
    let by = match by {
        "canvas_id" if is_made => "synthetic_canvas+room",
        _ if is_made => "synthetic_room",
        by => by,
    };
    let has_made_lines = || is_run && events.iter().any(|event| event.attribute("synthetic").is_some());
    let taken = FROM_ELSEWHERE
        .iter()
        .filter(|what| told.split('+').any(|part| part == **what) || (**what == MADE_OF_TURNS && has_made_lines()));
    Ok(taken.fold(by.to_owned(), |scope, what| format!("{scope}+{what}")))
}

async fn refusal(store: &Store, asked: &Asked, candidates: &[Candidate<'_>], fitting: usize) -> Result<String> {
    let mut lines = Vec::new();
    for (place, candidate) in candidates.iter().enumerate() {
        let scope = if place < MOST { Some(candidate.scope(store).await?) } else { None };
        lines.push(candidate.line(scope.as_deref()));
    }
    Ok(asked.refusal(lines, fitting))
}

/// What a run left behind says of itself.
struct Artifact {
    run: Option<String>,
    canvas: Option<String>,
    room: Option<String>,
    window: Window,
}

impl Artifact {
    fn none() -> Self {
        Self { run: None, canvas: None, room: None, window: Window::default() }
    }

    fn read(path: &Path) -> Result<Self> {
        let name = || safe(&path.to_string_lossy()).into_owned();
        let bytes = fs::read(path).with_context(|| format!("could not read {}", name()))?;
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).with_context(|| format!("{} is no run artifact", name()))?;
        let word = |member: &str| value[member].as_str().map(str::to_owned).filter(|text| !text.trim().is_empty());
        let time = |member: &str| word(member).and_then(|text| Timestamp::parse(&text));
        let artifact = Self {
            run: word("runId"),
            canvas: word("canvasId").filter(|id| is_uuid(id)),
            room: word("room"),
            window: Window { start: time("startedAt"), end: time("endedAt") },
        };
        if artifact.run.is_none() && artifact.canvas.is_none() && artifact.room.is_none() {
            bail!("{} names no run, canvas or room", name());
        }
        Ok(artifact)
    }
}

/// Written like a UUID.
fn is_uuid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(id: &str, canvas: Option<&str>, room: &str, ended: i64) -> Session {
        let (started, ended) = (Some(Timestamp(ended - 5)), Some(Timestamp(ended)));
        let (canvas, room) = (canvas.map(str::to_owned), Some(room.to_owned()));
        Session { id: id.to_owned(), canvas, room, started, ended, ..Session::default() }
    }

    fn known() -> Vec<Session> {
        vec![
            session("s1", Some("c1"), "blue", 10),
            session("s2", Some("c2"), "blue", 20),
            session("s3", Some("c3"), "green", 30),
            session("run-1", Some("c3"), "green", 40),
        ]
    }

    fn asked(parts: [&str; 4]) -> Asked {
        let [session, canvas, room, run] = parts.map(|part| Some(part.to_owned()).filter(|part| !part.is_empty()));
        Asked { session, canvas, room, run, window: Window { start: Some(Timestamp(18)), end: None } }
    }

    fn chosen(parts: [&str; 4]) -> Option<String> {
        let (asked, known) = (asked(parts), known());
        let candidates = asked.candidates(&known);
        match asked.fitting(&candidates).as_slice() {
            [only] => Some(only.session.id.clone()),
            _ => None,
        }
    }

    #[test]
    fn only_what_is_exactly_asked_for_is_chosen() {
        let some = |id: &str| Some(id.to_owned());
        assert_eq!(chosen(["s1", "", "", ""]), some("s1"));
        assert_eq!(chosen(["", "c2", "", ""]), some("s2"));
        assert_eq!(chosen(["", "c2", "blue", ""]), some("s2"));
        assert_eq!(chosen(["", "c3", "green", "run-1"]), some("run-1"));
        assert_eq!(chosen(["", "c1", "", "run-9"]), some("s1"), "the artifact's run is not there, its canvas is");
    }

    #[test]
    fn what_the_original_fell_back_to_is_refused() {
        for parts in [
            ["s9", "", "blue", ""],
            ["s1", "c2", "", ""],
            ["s1", "", "green", ""],
            ["", "c9", "blue", ""],
            ["", "c3", "", ""],
            ["", "", "blue", ""],
            ["", "", "green", "run-9"],
        ] {
            assert_eq!(chosen(parts), None, "{parts:?}");
        }
    }

    #[test]
    fn each_candidate_comes_with_what_speaks_for_it_and_against_it() {
        let known = known();
        let asked = asked(["", "c1", "blue", ""]);
        let told: Vec<(&str, String)> = asked
            .candidates(&known)
            .iter()
            .map(|found| (found.session.id.as_str(), found.evidence.join(", ")))
            .collect();
        let expected = [("s1", "canvas, room"), ("s2", "room (newest there), other canvas c2, time overlaps")];
        assert_eq!(told, expected.map(|(id, evidence)| (id, evidence.to_owned())));
    }

    #[test]
    fn a_window_keeps_turns_whole() {
        let head = |number: i64, turn: u64| Head {
            number,
            time: Timestamp(number),
            turn,
            kind: Kind::Tool,
            phase: crate::domain::Phase::Whole,
            flags: 0,
            tokens: -1,
            latency: -1,
        };
        let window = Window { start: Some(Timestamp(2)), end: Some(Timestamp(3)) };
        let kept = window.narrow(vec![head(1, 7), head(2, 7), head(3, 0), head(4, 0), head(5, 7)]);
        assert_eq!(kept.iter().map(|head| head.number).collect::<Vec<_>>(), [1, 2, 3, 5]);
    }
}
