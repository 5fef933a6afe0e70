//! Finding: search and its hits, filter, next and previous of a sort, rows that share a key.

use super::{go, jobs, open_panel, payload};
use crate::ui::action::{Find, Target};
use crate::ui::filter::Filter;
use crate::ui::input::Input;
use crate::ui::keymap::Place;
use crate::ui::message::Request;
use crate::ui::phrase::Phrase;
use crate::ui::state::{Ask, Filtered, Panel, Searched, State, Timeline};

pub(super) fn find(state: &mut State, wish: Find, count: Option<usize>) -> Vec<Request> {
    let times = count.unwrap_or(1).max(1);
    match wish {
        Find::Search => open_panel(state, Panel::Prompt { ask: Ask::Search, input: Input::default() }),
        Find::Filter => {
            let text = filter_text(state);
            open_panel(state, Panel::Prompt { ask: Ask::Filter, input: Input::with(text) })
        }
        Find::NextHit => hit(state, true, times),
        Find::PriorHit => hit(state, false, times),
        Find::Next(target) => target_jump(state, target, true, times),
        Find::Prior(target) => target_jump(state, target, false, times),
        Find::Sharing => sharing(state, true),
        Find::SharingBefore => sharing(state, false),
    }
}

fn filter_text(state: &State) -> String {
    let filter = match (state.place, &state.timeline) {
        (Place::Sessions, _) => state.sessions.filter.as_ref(),
        (_, Some(timeline)) => timeline.filter.as_ref().map(|found| &found.filter),
        _ => None,
    };
    filter.map(|filter| filter.text.clone()).unwrap_or_default()
}

/// Starts a search from the cursor on; an empty text takes the one before.
pub(super) fn search(state: &mut State, text: &str) -> Vec<Request> {
    let before = state.last_typed(Ask::Search.label()).unwrap_or_default();
    let text = if text.is_empty() { before.to_owned() } else { text.to_owned() };
    let phrase = match Phrase::parse(&text) {
        Ok(Some(phrase)) => phrase,
        Ok(None) => return Vec::new(),
        Err(reason) => {
            state.warn(reason);
            return Vec::new();
        }
    };
    go::leave(state);
    let height = state.height();
    match state.place {
        Place::Sessions => {
            let sessions = &mut state.sessions;
            sessions.search = Some(phrase);
            sessions.find_hits();
            let at = sessions.list.at as u32;
            let first = sessions.hits.iter().find(|hit| **hit >= at).or(sessions.hits.first()).copied();
            match first {
                Some(line) => sessions.list.jump(line as usize, sessions.lines.len(), height),
                None => state.warn(format!("not found: {text}")),
            }
            Vec::new()
        }
        Place::Timeline => search_rows(state, phrase),
        Place::Event => payload::search(state, phrase),
    }
}

fn search_rows(state: &mut State, phrase: Phrase) -> Vec<Request> {
    let mut requests = stop(state, |timeline| timeline.search.as_mut()?.job.take());
    let Some(timeline) = &mut state.timeline else { return requests };
    let job = state.jobs.start(format!("searching {}", phrase.text));
    let total = 2 * timeline.len();
    requests.push(Request::Search {
        job,
        rows: timeline.rows.clone(),
        order: timeline.shown.clone(),
        from: timeline.list.at,
        phrase: phrase.clone(),
    });
    timeline.search = Some(Searched {
        phrase,
        rows: Vec::new(),
        inside: 0,
        job: Some(job),
        scanned: 0,
        total,
        jump: true,
        lit: true,
    });
    requests
}

/// Filters the place; a text without words takes the filter away.
pub(super) fn filter(state: &mut State, text: &str) -> Vec<Request> {
    let height = state.height();
    let filter = Filter::parse(text);
    if state.place == Place::Sessions {
        state.sessions.filter = filter;
        state.sessions.arrange(height);
        return Vec::new();
    }
    let requests = stop(state, |timeline| timeline.filter.as_mut()?.job.take());
    if let Some(timeline) = &mut state.timeline {
        timeline.range = None;
        timeline.filter = filter.map(|filter| Filtered { filter, rows: Vec::new(), job: None, scanned: 0 });
        timeline.arrange(height);
    }
    requests.into_iter().chain(rerun_filter(state)).collect()
}

/// Starts the filter of the timeline over all its rows.
pub(super) fn rerun_filter(state: &mut State) -> Option<Request> {
    let timeline = state.timeline.as_mut()?;
    let found = timeline.filter.as_mut()?;
    if let Some(job) = found.job.take() {
        state.jobs.end(job);
    }
    let job = state.jobs.start(format!("filtering {}", found.filter.text));
    (found.job, found.scanned) = (Some(job), 0);
    Some(Request::Filter { job, rows: timeline.rows.clone(), filter: found.filter.clone() })
}

/// Ends a job of the timeline, if it runs.
fn stop(state: &mut State, job: impl Fn(&mut Timeline) -> Option<u64>) -> Vec<Request> {
    let running = state.timeline.as_mut().and_then(job);
    running.filter(|job| state.jobs.end(*job)).map(Request::Cancel).into_iter().collect()
}

/// Goes to the next hit or the one before, round the ends.
fn hit(state: &mut State, forward: bool, times: usize) -> Vec<Request> {
    go::leave(state);
    let height = state.height();
    match state.place {
        Place::Sessions => {
            let sessions = &mut state.sessions;
            let lines: Vec<usize> = sessions.hits.iter().map(|hit| *hit as usize).collect();
            if let Some(line) = round(&lines, sessions.list.at, forward, times) {
                sessions.list.jump(line, sessions.lines.len(), height);
            }
        }
        Place::Timeline => {
            let Some(timeline) = &mut state.timeline else { return Vec::new() };
            if let Some(search) = &mut timeline.search {
                search.lit = true;
            }
            match round(&hit_lines(timeline), timeline.list.at, forward, times) {
                Some(line) => jump(timeline, line, height),
                None => state.warn("no hit in the rows that are shown"),
            }
        }
        Place::Event => return payload::hit(state, forward, times),
    }
    Vec::new()
}

/// The lines of the hits that are shown, in order.
fn hit_lines(timeline: &Timeline) -> Vec<usize> {
    let Some(search) = &timeline.search else { return Vec::new() };
    let rows = search.rows.iter().map(|row| *row as usize);
    rows.filter(|row| timeline.shows(*row)).map(|row| timeline.line_of(row)).collect()
}

/// The hit that lies some hits away from a line, round the ends.
pub(super) fn round(lines: &[usize], at: usize, forward: bool, times: usize) -> Option<usize> {
    let count = lines.len();
    if count == 0 {
        return None;
    }
    let times = times % count;
    let index = if forward {
        lines.partition_point(|line| *line <= at) + times + count - 1
    } else {
        lines.partition_point(|line| *line < at) + count - times
    };
    lines.get(index % count).copied()
}

fn target_jump(state: &mut State, target: Target, forward: bool, times: usize) -> Vec<Request> {
    let height = state.height();
    let found = match (state.place, &state.timeline) {
        (Place::Sessions, _) => {
            let sessions = &state.sessions;
            let fails = |line: &usize| sessions.at(*line).is_some_and(|session| session.errors > 0);
            nth(sessions.list.at, sessions.lines.len(), forward, times, fails)
        }
        (_, Some(timeline)) => target_line(timeline, target, forward, times),
        _ => None,
    };
    let Some(line) = found else {
        state.say(nothing(state.place, target, forward));
        return Vec::new();
    };
    go::leave(state);
    match (state.place, &mut state.timeline) {
        (Place::Sessions, _) => {
            let length = state.sessions.lines.len();
            state.sessions.list.jump(line, length, height);
        }
        (_, Some(timeline)) => jump(timeline, line, height),
        _ => {}
    }
    Vec::new()
}

fn jump(timeline: &mut Timeline, line: usize, height: usize) {
    let length = timeline.len();
    timeline.list.jump(line, length, height);
}

fn target_line(timeline: &Timeline, target: Target, forward: bool, times: usize) -> Option<usize> {
    let (at, length) = (timeline.list.at, timeline.len());
    match target {
        Target::Error => among(timeline.errors.iter().map(|line| *line as usize).collect(), at, forward, times),
        Target::Mark => {
            let rows = timeline.marked_rows().into_iter().filter(|row| timeline.shows(*row));
            among(rows.map(|row| timeline.line_of(row)).collect(), at, forward, times)
        }
        Target::Kind(kind) => {
            nth(at, length, forward, times, |line| timeline.row(*line).is_some_and(|row| row.kind == kind))
        }
    }
}

/// The line that lies so many of these lines away; there is no going round.
fn among(lines: Vec<usize>, at: usize, forward: bool, times: usize) -> Option<usize> {
    if forward {
        lines.get(lines.partition_point(|line| *line <= at) + times - 1).copied()
    } else {
        lines.get(lines.partition_point(|line| *line < at).checked_sub(times)?).copied()
    }
}

fn nth(at: usize, length: usize, forward: bool, times: usize, is: impl Fn(&usize) -> bool) -> Option<usize> {
    if forward { (at + 1..length).filter(is).nth(times - 1) } else { (0..at).rev().filter(is).nth(times - 1) }
}

fn nothing(place: Place, target: Target, forward: bool) -> String {
    let what = match (place, target) {
        (Place::Sessions, _) => "session with errors",
        (_, Target::Error) => "error",
        (_, Target::Mark) => "mark",
        (_, Target::Kind(kind)) => kind.name(),
    };
    format!("no {what} {} this one", if forward { "after" } else { "before" })
}

fn sharing(state: &mut State, forward: bool) -> Vec<Request> {
    let Some(timeline) = &state.timeline else { return Vec::new() };
    let members = timeline.current().and_then(|row| timeline.members(row));
    let request = members.map(|members| Request::Sharing {
        session: timeline.session.number,
        lineage: timeline.session.lineage.clone(),
        rows: timeline.rows.clone(),
        members,
        forward,
    });
    request.into_iter().collect()
}

/// Stops what runs for rows that are no longer there, and starts it anew on the new ones.
pub(super) fn rerun(state: &mut State) -> Vec<Request> {
    let mut requests = jobs::cancel_searches(state);
    requests.extend(rerun_filter(state));
    let phrase =
        state.timeline.as_ref().and_then(|timeline| timeline.search.as_ref()).map(|search| search.phrase.clone());
    if let Some(phrase) = phrase {
        requests.extend(search_rows(state, phrase));
        if let Some(search) = state.timeline.as_mut().and_then(|timeline| timeline.search.as_mut()) {
            search.jump = false;
        }
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_are_walked_round_the_ends() {
        let lines = [2, 5, 9];
        assert_eq!(round(&lines, 5, true, 1), Some(9));
        assert_eq!(round(&lines, 9, true, 1), Some(2));
        assert_eq!(round(&lines, 2, false, 1), Some(9));
        assert_eq!(round(&lines, 6, false, 1), Some(5));
        assert_eq!(round(&lines, 0, true, 2), Some(5));
        assert_eq!(round(&[], 0, true, 1), None);
    }

    #[test]
    fn errors_are_not_walked_round_the_ends() {
        assert_eq!(among(vec![2, 5, 9], 5, true, 1), Some(9));
        assert_eq!(among(vec![2, 5, 9], 9, true, 1), None);
        assert_eq!(among(vec![2, 5, 9], 5, false, 1), Some(2));
        assert_eq!(among(vec![2, 5, 9], 2, false, 1), None);
        assert_eq!(among(vec![2, 5, 9], 0, true, 3), Some(9));
    }
}
