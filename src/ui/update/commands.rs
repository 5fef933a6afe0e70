//! The command line: commands with arguments, and everything that has a key, by its words.

use super::{everywhere, export, filter, find, go, panel, reasons, show};
use crate::domain::Timestamp;
use crate::ui::action::{Action, Go, Show};
use crate::ui::keymap::{Binding, Place};
use crate::ui::message::{Now, Request};
use crate::ui::phrase::Phrase;
use crate::ui::state::{Searched, State, ThemeChoice, Wanted};
use crate::ui::words::Clock;

/// A command that is typed by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Command {
    pub name: &'static str,
    /// What follows the name.
    pub argument: &'static str,
    pub help: &'static str,
    /// It means something without an argument.
    pub bare: bool,
}

const fn command(name: &'static str, argument: &'static str, help: &'static str, bare: bool) -> Command {
    Command { name, argument, help, bare }
}

/// The commands that are typed by name.
pub(crate) const COMMANDS: &[Command] = &[
    command(
        "goto",
        "+5m | 14:03 | 40% | 12 | ID",
        "go to a time, a percentage, a line, or any id that is shown",
        false,
    ),
    command("filter", "FILTER | NAME", "show only what matches, such as kind:tool status:error; none shows all", true),
    command("save", "NAME", "save the filter in force; @NAME in a filter stands for it", false),
    command("forget", "NAME", "forget a saved filter", false),
    command("search", "TEXT", "search as / does: text, or re: and an expression", false),
    command("find", "TEXT", "search the contents of all sessions; without a text, what was found last", true),
    command("export", "FILE", "write a slice: marked, selected, filtered or current", true),
    command("theme", "auto | dark | light", "choose the colours", false),
    command("time", "clock | start | delta | date", "choose how times are written", false),
    command("wrap", "", "wrap long lines of payloads, or not", true),
    command("mouse", "", "mouse wheel on or off", true),
    command("help", "", "help for this place", true),
    command("quit", "", "quit", true),
];

/// What a line of the palette does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Action(Action),
    Command(Command),
}

/// A line of the palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub words: String,
    pub keys: String,
    pub what: What,
    /// It cannot be done now.
    pub disabled: bool,
}

impl Choice {
    /// What Tab puts into the command line.
    pub(crate) fn completion(&self) -> String {
        match self.what {
            What::Command(command) if command.argument.is_empty() => command.name.to_owned(),
            What::Command(command) => format!("{} ", command.name),
            What::Action(_) => self.words.clone(),
        }
    }
}

/// The lines of the palette that fit what is typed, the best first.
pub(crate) fn choices(state: &State, typed: &str) -> Vec<Choice> {
    let all = COMMANDS.iter().map(choice_of_command).chain(actions(state));
    let mut found: Vec<(u32, Choice)> = all.filter_map(|choice| Some((score(&choice.words, typed)?, choice))).collect();
    found.sort_by_key(|(score, _)| *score);
    found.into_iter().map(|(_, choice)| choice).collect()
}

fn choice_of_command(command: &Command) -> Choice {
    let words = format!("{} {}: {}", command.name, command.argument, command.help).replace(" :", ":");
    Choice { words, keys: format!(":{}", command.name), what: What::Command(*command), disabled: false }
}

fn actions(state: &State) -> impl Iterator<Item = Choice> {
    let listed = |binding: &&Binding| panel::is_listed(binding.action);
    state.keys.on(state.place).filter(listed).map(|binding| Choice {
        words: binding.help.to_owned(),
        keys: state.keys.keys_of(state.place, binding.action).unwrap_or_default(),
        what: What::Action(binding.action),
        disabled: reasons::disabled(state, binding.action, None).is_some(),
    })
}

/// How well words fit what is typed, the smaller the better; `None` where its letters do not occur in order.
fn score(words: &str, typed: &str) -> Option<u32> {
    let (words, typed) = (words.to_lowercase(), typed.trim().to_lowercase());
    if words.starts_with(&typed) {
        return Some(0);
    }
    if let Some(at) = words.find(&typed) {
        let word_begins = words[..at].ends_with(|before: char| !before.is_alphanumeric());
        return Some(if word_begins { 1 } else { 2 });
    }
    if typed.split_whitespace().all(|word| words.contains(word)) {
        return Some(3);
    }
    let mut rest = words.chars();
    let in_order =
        typed.chars().filter(|letter| !letter.is_whitespace()).all(|letter| rest.any(|other| other == letter));
    in_order.then_some(4)
}

/// Runs a typed command; `None` where the text is none.
pub(super) fn run(state: &mut State, text: &str, now: Now) -> Option<Vec<Request>> {
    let (name, argument) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let command = COMMANDS.iter().find(|command| command.name == name)?;
    let argument = argument.trim();
    if argument.is_empty() && !command.bare {
        state.warn(format!("{} needs {}", command.name, command.argument));
        return Some(Vec::new());
    }
    Some(match command.name {
        "goto" => goto(state, argument),
        "filter" => filter::named_or_typed(state, argument),
        "save" => filter::save(state, argument),
        "forget" => filter::forget(state, argument),
        "search" => find::search(state, argument),
        "find" => everywhere::find(state, argument),
        "export" => export::write_to(state, argument),
        "theme" => theme(state, argument),
        "time" => time(state, argument),
        "wrap" => super::act(state, Action::Show(Show::Wrap), None, now),
        "mouse" => show::show(state, Show::Mouse, None),
        "help" => show::show(state, Show::Help, None),
        _ => go::go(state, Go::Quit, now),
    })
}

fn theme(state: &mut State, argument: &str) -> Vec<Request> {
    state.choice = match argument {
        "auto" => ThemeChoice::Auto,
        "dark" => ThemeChoice::Dark,
        "light" => ThemeChoice::Light,
        _ => {
            state.warn(format!("theme: expected auto, dark or light, not \"{argument}\""));
            return Vec::new();
        }
    };
    state.dress();
    Vec::new()
}

fn time(state: &mut State, argument: &str) -> Vec<Request> {
    match (Clock::parse(argument), &mut state.timeline) {
        (Some(clock), Some(timeline)) => timeline.clock = clock,
        (None, _) => state.warn(format!("time: expected clock, start, delta or date, not \"{argument}\"")),
        (_, None) => state.warn("no session is open"),
    }
    Vec::new()
}

/// Goes to a time, a percentage, a line or an id.
fn goto(state: &mut State, argument: &str) -> Vec<Request> {
    let height = state.height();
    go::leave(state);
    let number = argument.parse::<usize>().ok();
    let percent = argument.strip_suffix('%').and_then(|number| number.parse::<usize>().ok());
    if state.place == Place::Sessions {
        return goto_session(state, argument, number, percent);
    }
    let Some(timeline) = state.timeline.as_mut().filter(|_| state.place == Place::Timeline) else {
        state.warn("goto works in the sessions and in the timeline");
        return Vec::new();
    };
    let length = timeline.len();
    let line = match (number, percent, moment(argument, timeline.start())) {
        (Some(number), ..) => number.saturating_sub(1),
        (_, Some(percent), _) => length.saturating_sub(1) * percent.min(100) / 100,
        (_, _, Some(at)) => {
            let row = first_at(timeline.rows.len(), |row| timeline.rows.get(row).is_some_and(|row| row.time >= at));
            timeline.land_on(row, height);
            return Vec::new();
        }
        _ => {
            let (session, lineage) = (timeline.session.number, timeline.session.lineage.clone());
            let job = state.jobs.start(format!("looking for {argument}"));
            return vec![Request::Locate { job, session, lineage, id: argument.to_owned() }];
        }
    };
    timeline.list.jump(line.min(length.saturating_sub(1)), length, height);
    Vec::new()
}

fn goto_session(state: &mut State, argument: &str, number: Option<usize>, percent: Option<usize>) -> Vec<Request> {
    let height = state.height();
    let sessions = &mut state.sessions;
    let length = sessions.lines.len();
    let by_prefix = |line: &usize| sessions.at(*line).is_some_and(|session| session.id.starts_with(argument));
    let line = number
        .map(|number| number.saturating_sub(1))
        .or(percent.map(|percent| length.saturating_sub(1) * percent.min(100) / 100))
        .or_else(|| (0..length).find(by_prefix));
    match line {
        Some(line) => sessions.list.jump(line.min(length.saturating_sub(1)), length, height),
        None => state.warn(format!("no session begins with \"{argument}\"")),
    }
    Vec::new()
}

/// The first line for which something holds, given that it holds for all behind it.
fn first_at(length: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, length);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

/// A moment as typed: `+5m` from the start, `14:03` on the day of the start or the next, or RFC 3339.
fn moment(text: &str, start: Timestamp) -> Option<Timestamp> {
    if let Some(offset) = text.strip_prefix('+') {
        return Some(Timestamp(start.0.saturating_add(micros(offset)?)));
    }
    if let Some(at) = Timestamp::parse(text) {
        return Some(at);
    }
    let clock = if text.matches(':').count() == 1 { format!("{text}:00") } else { text.to_owned() };
    let at = Timestamp::parse(&format!("{}T{clock}", start.day())).filter(|_| text.contains(':'))?;
    const DAY: i64 = 86_400_000_000;
    Some(if at.0 + 60_000_000 < start.0 { Timestamp(at.0 + DAY) } else { at })
}

/// A duration as typed: `90s`, `5m`, `1h30m`, `250ms`.
fn micros(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let number: i64 = rest[..digits].parse().ok()?;
        let letters = rest[digits..].find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len() - digits);
        let unit = match &rest[digits..digits + letters] {
            "ms" => 1_000,
            "s" => 1_000_000,
            "m" => 60_000_000,
            "h" => 3_600_000_000,
            "d" => 86_400_000_000,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[digits + letters..];
    }
    (!text.is_empty()).then_some(total)
}

/// Goes to the first of the rows that an id leads to; `n` goes on to the others.
pub(super) fn located(state: &mut State, id: &str, key: Option<&str>, events: &[i64]) -> Vec<Request> {
    let Some(timeline) = &mut state.timeline else { return Vec::new() };
    let mut rows: Vec<u32> =
        events.iter().filter_map(|event| timeline.rows.position(*event)).map(|row| row as u32).collect();
    rows.sort_unstable();
    rows.dedup();
    let Some(event) = rows.first().and_then(|row| timeline.key(*row as usize)) else {
        match events.first() {
            Some(event) if !timeline.complete => timeline.wanted = Some(Wanted::row(*event)),
            Some(_) => state.warn(format!("{id} is in another session of this lineage")),
            None => state.warn("there is no such id in this session"),
        }
        return Vec::new();
    };
    let several = (rows.len() > 1).then(|| format!("{} rows have {} {id}; n goes on", rows.len(), key.unwrap_or("id")));
    if let (Some(words), Some(phrase)) = (several, Phrase::of_id(id)) {
        timeline.search = Some(Searched::found(phrase, rows));
        state.say(words);
    }
    go::to_event(state, event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_may_have_parts() {
        assert_eq!(micros("1h30m"), Some(5_400_000_000));
        assert_eq!(micros("250ms"), Some(250_000));
        assert_eq!((micros("5"), micros(""), micros("m"), micros("5x")), (None, None, None, None));
    }

    #[test]
    fn a_clock_time_is_of_the_day_of_the_start_or_the_next() {
        let start = Timestamp::parse("2026-03-02T22:00:00Z").expect("valid");
        let shown = |text| moment(text, start).map(Timestamp::rfc3339).unwrap_or_default();
        assert_eq!(shown("22:30"), "2026-03-02T22:30:00.000000Z");
        assert_eq!(shown("01:15:07"), "2026-03-03T01:15:07.000000Z");
        assert_eq!(shown("+5m"), "2026-03-02T22:05:00.000000Z");
        assert_eq!(shown("toolu_1"), "");
    }

    #[test]
    fn the_palette_finds_words_and_letters_in_order() {
        assert_eq!(score("next error", "next"), Some(0));
        assert_eq!(score("next error", "err"), Some(1));
        assert_eq!(score("next error", "error next"), Some(3));
        assert_eq!(score("next error", "nxr"), Some(4));
        assert_eq!(score("next error", "zz"), None);
    }
}
