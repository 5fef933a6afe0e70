//! What stands around every screen: the header with the breadcrumb, the status line, the hints.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Pen, prompt};
use crate::domain::safe;
use crate::timeline::Severity;
use crate::ui::facts;
use crate::ui::keymap::Place;
use crate::ui::state::{EventScreen, Playback, State, Timeline};
use crate::ui::text::{clip, fit, width, wrap};
use crate::ui::update::{disabled, hit_lines};
use crate::ui::words::counted;

/// The most that the last crumb takes when there is room.
const MOST_EVENT: usize = 40;
/// The most lines that a warning takes.
const MOST_LINES: usize = 6;

/// The line with the breadcrumb.
pub(super) fn header(state: &State, area: Rect, buffer: &mut Buffer) {
    let import = state.import.as_deref().map(|words| format!(" {} ", safe(words)));
    let badge =
        import.or_else(|| follows(state)).or_else(|| state.mouse.then(|| " mouse ".to_owned())).unwrap_or_default();
    let badge = clip(&badge, usize::from(area.width) / 3);
    let room = usize::from(area.width).saturating_sub(width(&badge) + 1);
    let mut pen = Pen::new(buffer, area);
    let crumbs = crumbs(state);
    let crumbs: Vec<&str> = crumbs.iter().map(String::as_str).collect();
    let trail = breadcrumb(&crumbs, room);
    pen.write(&trail, state.theme.header);
    if !badge.is_empty() {
        let gap = pen.left().saturating_sub(width(&badge));
        pen.space(gap).write(&badge, state.theme.badge);
    }
}

/// What is followed, where that is in sight.
fn follows(state: &State) -> Option<String> {
    let follow = match state.place {
        Place::Sessions => state.follow.filter(|follow| follow.session.is_none()),
        Place::Timeline | Place::Event => state.followed(),
    }?;
    Some(if follow.paused { " follow paused " } else { " follow " }.to_owned())
}

fn crumbs(state: &State) -> Vec<String> {
    let title = state.timeline.as_ref().map(|timeline| crumb(timeline.session.name()));
    let event = state.event.as_ref().map(|event| match &event.detail {
        Some(detail) => crumb(&format!("{} {}", detail.turn.who, detail.turn.id)),
        None => "…".to_owned(),
    });
    match state.place {
        Place::Sessions => Vec::new(),
        Place::Timeline => title.into_iter().collect(),
        Place::Event => title.into_iter().chain(event).collect(),
    }
}

/// Text from data as a crumb: on one line, and without the sign that divides crumbs.
fn crumb(text: &str) -> String {
    fit(&text.replace('›', ">"), 200)
}

/// `turnscope · Sessions › TITLE › EVENT` in so many columns.
///
/// The title is shortened first, then the event, then the name of the program goes; the signs stay.
pub(super) fn breadcrumb(crumbs: &[&str], columns: usize) -> String {
    const PROGRAM: &str = "turnscope · ";
    const LEVEL: &str = "Sessions";
    let Some((last, titles)) = crumbs.split_last() else {
        let whole = format!("{PROGRAM}{LEVEL}");
        return clip(if width(&whole) <= columns { &whole } else { LEVEL }, columns);
    };
    let signs = 3 * crumbs.len();
    let Some(title) = titles.first() else {
        let base = if width(PROGRAM) + width(LEVEL) + signs + 8 <= columns { PROGRAM } else { "" };
        let room = columns.saturating_sub(width(base) + width(LEVEL) + signs);
        return clip(&format!("{base}{LEVEL} › {}", clip(last, room.max(1))), columns);
    };
    let base = if width(PROGRAM) + width(LEVEL) + signs + 12 <= columns { PROGRAM } else { "" };
    let room = columns.saturating_sub(width(base) + width(LEVEL) + signs);
    let last = clip(last, MOST_EVENT.min(room.saturating_sub(1)).max(1));
    let title = clip(title, room.saturating_sub(width(&last)).max(1));
    clip(&format!("{base}{LEVEL} › {title} › {last}"), columns)
}

/// The line above the hints: where the cursor is, messages, filter, what is hidden, what runs.
pub(super) fn status(state: &State, area: Rect, buffer: &mut Buffer) {
    let theme = &state.theme;
    if let Some(notice) = state.notice.as_ref().filter(|notice| notice.bad) {
        let lines = wrap(&format!("{}  ! {}", position(state), notice.text), usize::from(area.width));
        if lines.len() > 1 {
            flow(lines, area, buffer, theme.warning);
            return;
        }
    }
    let mut pen = Pen::new(buffer, area);
    pen.write(&position(state), theme.text);
    if let Some(notice) = &state.notice {
        let style = if notice.bad { theme.warning } else { theme.text };
        let sign = if notice.bad { "! " } else { "" };
        pen.write("  ", theme.text).write(&format!("{sign}{}", safe(&notice.text)), style);
    }
    for work in state.jobs.running.iter().filter(|work| !work.quiet) {
        let words = safe(&work.what).into_owned();
        pen.write(&format!("  {words} {} (Esc cancels)", work.progress), theme.badge);
    }
    for (words, style) in notes(state).into_iter().map(|words| (words, theme.dim)) {
        pen.write(&format!("  {words}"), style);
    }
}

/// A warning that is longer than its line: it takes lines above as well, so that all of it can be read.
fn flow(mut lines: Vec<String>, area: Rect, buffer: &mut Buffer, style: Style) {
    let most = usize::from(area.y).clamp(1, MOST_LINES);
    if lines.len() > most {
        lines.truncate(most);
        lines.iter_mut().last().into_iter().for_each(|line| line.push('…'));
    }
    let first = area.y + 1 - lines.len() as u16;
    for (row, line) in (first..).zip(lines) {
        let area = Rect { y: row, height: 1, ..area };
        for cell in area.positions() {
            buffer[cell].reset();
        }
        Pen::new(buffer, area).write(&line, style);
    }
}

fn position(state: &State) -> String {
    let place = |at: usize, length: usize| format!("{}/{length}", if length == 0 { 0 } else { at + 1 });
    match (state.place, &state.timeline, &state.event) {
        (Place::Sessions, ..) => {
            let more = if state.sessions.loaded || state.sessions.lines.is_empty() { "" } else { "+" };
            format!("{}{more}", place(state.sessions.list.at, state.sessions.lines.len()))
        }
        (_, Some(timeline), _) => {
            // A file that is still being read may bring more.
            let more = if timeline.complete && state.import.is_none() { "" } else { "+" };
            let played = timeline.playback.as_ref().filter(|_| state.place == Place::Timeline).map(played);
            format!("{}{more}{}", place(timeline.list.at, timeline.len()), played.unwrap_or_default())
        }
        _ => String::new(),
    }
}

/// What is filtered, hidden, searched, selected: everything that makes the list other than the whole.
fn notes(state: &State) -> Vec<String> {
    match (state.place, &state.timeline) {
        (Place::Sessions, _) => notes_of_sessions(state),
        (Place::Timeline, Some(timeline)) => notes_of_timeline(timeline),
        (Place::Event, _) => notes_of_event(state),
        _ => Vec::new(),
    }
}

fn notes_of_sessions(state: &State) -> Vec<String> {
    let sessions = &state.sessions;
    let (shown, all) = (sessions.count(), sessions.catalog.entries.len());
    let filter = sessions.filter.as_ref().map(|filter| filtered(&filter.text, shown, all, ""));
    let at = sessions.hits.binary_search(&(sessions.list.at as u32)).ok();
    let hits = sessions.search.as_ref().map(|search| hits(&search.text, at, sessions.hits.len(), ""));
    let current = sessions.lines.get(sessions.list.at).and_then(|line| sessions.catalog.get(line.entry));
    let elsewhere = current.and_then(|session| Some(format!("↓ {}", safe(session.elsewhere.as_deref()?))));
    filter.into_iter().chain(hits).chain(elsewhere).collect()
}

/// A search: the hit under the cursor, and how many there are; `more` is what the number does not say.
fn hits(text: &str, at: Option<usize>, count: usize, more: &str) -> String {
    match at {
        Some(at) => format!("/{} {}/{count}{more}", safe(text), at + 1),
        None => format!("/{} -/{count}{more}", safe(text)),
    }
}

fn hits_of_timeline(timeline: &Timeline) -> Option<String> {
    let search = timeline.search.as_ref().filter(|search| search.lit)?;
    let row = timeline.current().unwrap_or(usize::MAX);
    let at = search.rows.binary_search(&(row as u32)).ok();
    let mut more = if search.job.is_some() { "+".to_owned() } else { String::new() };
    if search.inside > 0 {
        more.push_str(&format!(", {} inside rows", search.inside));
    }
    if let Some(percent) = search.stopped_at() {
        more.push_str(&format!(", stopped early at {percent} %"));
    }
    Some(hits(&search.phrase.text, at, search.rows.len(), &more))
}

/// The search inside an event: of a tab that is a list its lines are counted, of a payload its places.
fn hits_of_event(state: &State, event: &EventScreen) -> Option<String> {
    let phrase = &event.phrase.as_ref().filter(|_| event.lit)?.text;
    if !event.tab.is_payload() {
        event.detail.as_ref()?;
        let lines = hit_lines(event, usize::from(state.columns));
        let at = lines.binary_search(&event.list(event.tab).at).ok();
        return Some(hits(phrase, at, lines.len(), ""));
    }
    let pages = event.payload()?;
    let mut more = if pages.has_more_hits() { "+".to_owned() } else { String::new() };
    if pages.paged().is_some() {
        more.push_str(" in this part");
        if let Some(all) = pages.everywhere {
            more.push_str(&format!(", {all} in all"));
        }
    }
    Some(hits(phrase, pages.current, pages.hits.len(), &more))
}

fn notes_of_timeline(timeline: &Timeline) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(lines) = timeline.selected() {
        notes.push(format!("{} selected", counted(lines.count(), "row")));
    }
    let (filter, rest) = narrowed(timeline);
    notes.extend(filter);
    notes.extend(hits_of_timeline(timeline));
    notes.extend(rest);
    let findings = timeline.correlation.findings.iter().filter(|finding| finding.severity > Severity::Info).count();
    if findings > 0 {
        notes.push(counted(findings, "finding"));
    }
    notes
}

/// What makes the rows fewer, in the timeline and in the event alike; and what is marked.
fn narrowed(timeline: &Timeline) -> (Option<String>, Vec<String>) {
    let filter = timeline.filter.as_ref().map(|found| {
        let all = timeline.rows.len();
        let stopped = if found.job.is_none() && found.scanned < all {
            format!(", stopped early at {} %", found.scanned * 100 / all.max(1))
        } else {
            String::new()
        };
        filtered(&found.filter.text, found.rows.len(), all, &stopped)
    });
    let mut notes = Vec::new();
    if let Some(isolated) = &timeline.correlation.isolated {
        let count = counted(isolated.rows.len(), "row");
        notes.push(format!("only {}, {count}", safe(&isolated.words)));
    }
    if !timeline.hidden_counts.is_empty() {
        let counts: Vec<String> =
            timeline.hidden_counts.iter().map(|(kind, count)| format!("{count} {}", kind.name())).collect();
        notes.push(format!("hidden: {}", counts.join(", ")));
    }
    let marked = timeline.marks.values().filter(|mark| mark.marked).count();
    if marked > 0 {
        notes.push(format!("{marked} marked"));
    }
    (filter, notes)
}

fn filtered(text: &str, shown: usize, all: usize, more: &str) -> String {
    format!("filter \"{}\" {shown} of {all}{more}", safe(text))
}

/// The line under the cursor of the tab, and how many there are.
fn line_of_event(state: &State, event: &EventScreen) -> Option<String> {
    let (at, length) = match event.payload() {
        Some(pages) => (pages.scroll.line, pages.view.as_ref()?.lines()),
        None => (event.list(event.tab).at, facts::lines(event, usize::from(state.columns)).len()),
    };
    (length > 0).then(|| format!("line {}/{length}", at + 1))
}

fn played(playback: &Playback) -> String {
    let what = if playback.playing { "playing" } else { "paused" };
    let clock: String = crate::ui::words::moment(playback.now()).chars().skip(11).collect();
    format!("  {what} {} {clock} {}%", playback.speed(), playback.percent())
}

fn notes_of_event(state: &State) -> Vec<String> {
    let Some(event) = &state.event else { return Vec::new() };
    let mut notes: Vec<String> = hits_of_event(state, event).into_iter().collect();
    let mark = state.timeline.as_ref().and_then(|timeline| timeline.marks.get(&event.key));
    if mark.is_some_and(|mark| mark.marked) {
        notes.push("this row is marked".to_owned());
    }
    notes.extend(line_of_event(state, event));
    if let Some(pages) = event.payload() {
        if let Some(window) = pages.paged() {
            let percent = window.from.saturating_mul(100) / window.body.size.max(1);
            notes.push(format!("at {percent}% of {}", crate::ui::words::size(window.body.size.max(0) as u64)));
        }
        if let Some(view) = &pages.view {
            notes.push(safe(&view.path(pages.scroll.line)).into_owned());
        }
    }
    if let Some((filter, rest)) = state.timeline.as_ref().map(narrowed) {
        notes.extend(filter.into_iter().chain(rest));
    }
    notes.retain(|note| !note.is_empty());
    notes
}

/// The last line: what is being typed, else the keys that work now.
pub(super) fn hints(state: &State, area: Rect, buffer: &mut Buffer) {
    if prompt::line(state, area, buffer) {
        return;
    }
    let theme = &state.theme;
    let count = state.typed.count.map(|count| count.to_string()).unwrap_or_default();
    let typed = format!("{count}{}", state.typed.keys.replace(' ', ""));
    let room = usize::from(area.width).saturating_sub(if typed.is_empty() { 0 } else { width(&typed) + 2 });
    let works = |action| disabled(state, action, Some(1)).is_none();
    let mut pen = Pen::new(buffer, area);
    for (index, (keys, word)) in state.keys.footer(state.place, room, works).into_iter().enumerate() {
        pen.write(if index > 0 { "  " } else { "" }, theme.footer_text);
        pen.write(&keys, theme.footer_key).write(" ", theme.footer_text).write(word, theme.footer_text);
    }
    if !typed.is_empty() {
        let gap = pen.left().saturating_sub(width(&typed));
        pen.space(gap).write(&typed, theme.badge);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_signs_stay_at_every_width_from_twenty() {
        for columns in 1..=200 {
            for title in
                ["", "a", "A title that is rather long and goes on and on, as titles of sessions do", "日本語の題"]
            {
                let shown = breadcrumb(&[title, "Bash toolu_01ABCDEFGHIJKLMNOPQRSTUVWXYZ"], columns);
                assert!(width(&shown) <= columns, "{columns}: {shown}");
                assert!(columns < 20 || shown.matches('›').count() == 2, "{columns}: {shown}");
                let shown = breadcrumb(&[title], columns);
                assert!(width(&shown) <= columns, "{columns}: {shown}");
                assert!(columns < 20 || shown.matches('›').count() == 1, "{columns}: {shown}");
            }
        }
        assert_eq!(breadcrumb(&[], 20), "turnscope · Sessions");
        assert_eq!(breadcrumb(&[], 19), "Sessions");
    }

    #[test]
    fn the_title_gives_way_before_the_event() {
        let shown = |columns| breadcrumb(&["Fix the flaky test", "Bash toolu_01"], columns);
        assert_eq!(shown(80), "turnscope · Sessions › Fix the flaky test › Bash toolu_01");
        assert_eq!(shown(45), "turnscope · Sessions › Fix t… › Bash toolu_01");
        assert_eq!(shown(20), "Sessions › … › Bash…");
    }

    #[test]
    fn a_sign_inside_a_title_is_another_one() {
        assert_eq!(crumb("a › b\u{1b}"), "a > b^[");
    }
}
