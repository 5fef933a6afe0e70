//! Finding: search and its hits, next and previous of a sort, rows that share a key.

use super::{filter, go, jobs, joins, lens, open_panel, payload};
use crate::ui::action::{Find, Target};
use crate::ui::input::Input;
use crate::ui::keymap::Place;
use crate::ui::message::Request;
use crate::ui::phrase::Phrase;
use crate::ui::state::{Ask, Panel, Searched, State, Timeline};

pub(super) fn find(state: &mut State, wish: Find, count: Option<usize>) -> Vec<Request> {
    let times = count.unwrap_or(1).max(1);
    match wish {
        Find::Search => open_panel(state, Panel::Prompt { ask: Ask::Search, input: Input::default() }),
        Find::Filter => filter::ask(state),
        Find::FilterIn => filter::narrow(state, true),
        Find::FilterOut => filter::narrow(state, false),
        Find::NextHit => hit(state, true, times),
        Find::PriorHit => hit(state, false, times),
        Find::Next(target) => target_jump(state, target, true, times),
        Find::Prior(target) => target_jump(state, target, false, times),
        Find::Sharing => sharing(state, true),
        Find::SharingBefore => sharing(state, false),
        Find::KeyKind => lens::pick_kind(state),
    }
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
        from: timeline.current().map_or(0, |row| timeline.place_of(row)),
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

/// Ends a job of the timeline, if it runs.
pub(super) fn stop(state: &mut State, job: impl Fn(&mut Timeline) -> Option<u64>) -> Vec<Request> {
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
            match round(&hit_ranks(timeline), timeline.rank(), forward, times) {
                Some(rank) => jump(timeline, rank, height),
                None => state.warn("no hit in the rows that are shown"),
            }
        }
        Place::Event => return payload::hit(state, forward, times),
    }
    Vec::new()
}

/// The places of the hits that pass, in order.
fn hit_ranks(timeline: &Timeline) -> Vec<usize> {
    let Some(search) = &timeline.search else { return Vec::new() };
    ranks_of(timeline, search.rows.iter().copied())
}

/// The places of rows that pass, in order.
fn ranks_of(timeline: &Timeline, rows: impl Iterator<Item = u32>) -> Vec<usize> {
    let mut ranks: Vec<usize> = rows.filter_map(|row| timeline.rank_of(row as usize)).collect();
    ranks.sort_unstable();
    ranks
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
        (_, Some(timeline)) => target_rank(timeline, target, forward, times),
        _ => None,
    };
    let Some(line) = found else {
        if target == Target::Finding && joins::awaits(state) {
            state.warn(joins::WORKING);
            return joins::ask(state).into_iter().collect();
        }
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

/// Goes to a place, also one in a closed fold.
fn jump(timeline: &mut Timeline, rank: usize, height: usize) {
    if let Some(row) = timeline.row_of_rank(rank) {
        timeline.land_on(row, height);
    }
}

fn target_rank(timeline: &Timeline, target: Target, forward: bool, times: usize) -> Option<usize> {
    let at = timeline.rank();
    match target {
        Target::Error => among_rows(timeline, &timeline.errors, forward, times),
        Target::Mark => {
            let marked = timeline.marked_rows().into_iter().map(|row| row as u32);
            among(&ranks_of(timeline, marked), at, forward, times)
        }
        Target::Finding => among_rows(timeline, &timeline.correlation.finding_rows, forward, times),
        Target::Kind(kind) => nth(at, timeline.ranks(), forward, times, |rank| {
            let row = timeline.row_of_rank(*rank).and_then(|row| timeline.rows.get(row));
            row.is_some_and(|row| row.kind == kind)
        }),
        Target::Gap => {
            let behind = timeline.rows.gaps().iter().map(|gap| gap.row);
            let shown = behind.filter_map(|row| timeline.row_at_or_after(row as usize)).map(|row| row as u32);
            among(&ranks_of(timeline, shown), at, forward, times)
        }
    }
}

/// The place so many of these rows away; without a tree no more is looked at than that.
fn among_rows(timeline: &Timeline, rows: &[u32], forward: bool, times: usize) -> Option<usize> {
    if timeline.nested().is_some() {
        return among(&ranks_of(timeline, rows.iter().copied()), timeline.rank(), forward, times);
    }
    let here = timeline.current()?;
    let place = if forward {
        rows.partition_point(|row| *row as usize <= here) + times - 1
    } else {
        rows.partition_point(|row| (*row as usize) < here).checked_sub(times)?
    };
    timeline.rank_of(*rows.get(place)? as usize)
}

/// The line that lies so many of these lines away; there is no going round.
fn among(lines: &[usize], at: usize, forward: bool, times: usize) -> Option<usize> {
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
        (_, Target::Finding) => "finding",
        (_, Target::Gap) => "long gap",
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
        kind: timeline.correlation.kind,
        forward,
    });
    request.into_iter().collect()
}

/// Stops what runs for rows that are no longer there, and starts it anew on the new ones.
pub(super) fn rerun(state: &mut State) -> Vec<Request> {
    let mut requests = jobs::cancel_searches(state);
    requests.extend(filter::rerun(state));
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
        assert_eq!(among(&[2, 5, 9], 5, true, 1), Some(9));
        assert_eq!(among(&[2, 5, 9], 9, true, 1), None);
        assert_eq!(among(&[2, 5, 9], 5, false, 1), Some(2));
        assert_eq!(among(&[2, 5, 9], 2, false, 1), None);
        assert_eq!(among(&[2, 5, 9], 0, true, 3), Some(9));
    }
}
