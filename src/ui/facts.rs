//! What is known of a row, as lines of names and values: the Summary, Usage and Joins tabs.

use std::ops::Range;

use super::insight::{Insight, Judged};
use super::message::Detail;
use super::phrase::Phrase;
use super::state::{EventScreen, Tab};
use super::text::wrap;
use super::{why, words};
use crate::domain::{Event, Key, Phase, Usage, flag};
use crate::timeline::Verdict;

/// How a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Heading,
    Plain,
    /// Of less weight, or uncertain.
    Faint,
    Bad,
}

/// One line: a name and a value, both safe to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact {
    pub name: String,
    pub value: String,
    pub tone: Tone,
}

/// The columns of the names.
pub(crate) const NAME_WIDTH: usize = 16;

/// Flags in words, in the order of their bits.
const FLAGS: &[(i64, &str)] = &[
    (flag::ERROR, "error: the record says that something went wrong"),
    (flag::INFERRED_TIME, "inferred time: none was written, it is that of the record before"),
    (flag::INHERITED, "inherited: also in an ancestor, and counted there"),
    (flag::SIDECHAIN, "sidechain: written by a sub-agent inside its parent's file"),
    (flag::BAD, "bad: the record could not be read; its bytes are kept"),
    (flag::TRUNCATED, "truncated: the source cut a body"),
    (flag::TIME_RAN_BACK, "time ran back: the written time runs against the order of the file"),
    (flag::CONFLICT, "conflict: another event has this id and other content"),
    (flag::TWIN, "twin: repeats what another event of the turn says"),
    (flag::IMPLAUSIBLE_USAGE, "implausible usage: far fewer output tokens than the text needs"),
    (flag::UNKNOWN, "unknown: a type of record that turnscope does not know"),
    (flag::SUPERSEDED, "superseded: a newer state of the same task, step or span is here"),
    (flag::REPEATS_USAGE, "repeats usage: other events report its tokens too, and they are counted there"),
    (flag::PURGED, "purged: retention took away what it held"),
];

/// Whether values have no room beside their names, and stand below them.
pub(crate) fn is_narrow(width: usize) -> bool {
    width < NAME_WIDTH + 3 + 16
}

/// A name and its value as lines: side by side, or on a narrow screen one below the other.
pub(crate) fn lay(name: &str, value: &str, tone: Tone, width: usize) -> Vec<Fact> {
    let fact = |name: &str, value: String| Fact { name: name.to_owned(), value, tone };
    let room = if is_narrow(width) { width.saturating_sub(3) } else { width.saturating_sub(NAME_WIDTH + 3) };
    let mut values = wrap(value, room.max(8)).into_iter();
    let beside = if is_narrow(width) && !name.is_empty() { String::new() } else { values.next().unwrap_or_default() };
    std::iter::once(fact(name, beside)).chain(values.map(|value| fact("", value))).collect()
}

/// Collects lines; long values go on below.
struct Lines {
    facts: Vec<Fact>,
    width: usize,
}

impl Lines {
    fn heading(&mut self, name: &str) {
        if !self.facts.is_empty() {
            self.add("", "", Tone::Plain);
        }
        self.facts.push(Fact { name: name.to_owned(), value: String::new(), tone: Tone::Heading });
    }

    fn add(&mut self, name: &str, value: &str, tone: Tone) {
        self.facts.extend(lay(name, value, tone, self.width));
    }

    fn plain(&mut self, name: &str, value: &str) {
        self.add(name, value, Tone::Plain);
    }

    fn some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.plain(name, value);
        }
    }
}

/// The lines of a tab without payloads; empty while nothing is known.
pub(crate) fn lines(screen: &EventScreen, width: usize) -> Vec<Fact> {
    let mut lines = Lines { facts: Vec::new(), width };
    let Some(detail) = &screen.detail else { return lines.facts };
    match screen.tab {
        Tab::Summary => summary(&mut lines, detail, screen),
        Tab::Usage => usage(&mut lines, detail, screen.insight.as_deref()),
        Tab::Joins => {
            let links = screen.links.as_deref().unwrap_or_default();
            return why::lines(links, width).into_iter().map(|line| line.fact).collect();
        }
        _ => {}
    }
    lines.facts
}

/// A place in a line of names and values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub line: usize,
    /// The bytes of the value; `None` where it is in the name.
    pub range: Option<(usize, usize)>,
}

/// All places that hold a phrase, in order; also those that go on in the next line of the same value.
pub(crate) fn places(facts: &[Fact], phrase: &Phrase) -> Vec<Place> {
    let mut places = Vec::new();
    let mut line = 0;
    while line < facts.len() {
        let more = facts[line + 1..].iter().take_while(|fact| fact.name.is_empty() && !fact.value.is_empty()).count();
        let value = &facts[line..=line + more];
        if phrase.is_in(&value[0].name) {
            places.push(Place { line, range: None });
        }
        // A line ends between words, where a space was left out, or inside a word.
        for gap in ["", " "] {
            places.extend(places_in(value, gap, phrase).map(|place| Place { line: line + place.line, ..place }));
        }
        line += more + 1;
    }
    places.sort_unstable();
    places.dedup();
    places
}

fn places_in<'a>(value: &'a [Fact], gap: &str, phrase: &Phrase) -> impl Iterator<Item = Place> + use<'a> {
    let mut text = String::new();
    let mut spans: Vec<Range<usize>> = Vec::new();
    for (index, fact) in value.iter().enumerate() {
        text.push_str(if index > 0 { gap } else { "" });
        spans.push(text.len()..text.len() + fact.value.len());
        text.push_str(&fact.value);
    }
    let found = phrase.places(&text);
    spans.into_iter().enumerate().flat_map(move |(line, span)| {
        let cut = |found: &Range<usize>| found.start.max(span.start)..found.end.min(span.end);
        let inside = found.iter().map(cut).filter(|range| range.start < range.end);
        let own = |range: Range<usize>| Place { line, range: Some((range.start - span.start, range.end - span.start)) };
        inside.map(own).collect::<Vec<_>>()
    })
}

fn summary(lines: &mut Lines, detail: &Detail, screen: &EventScreen) {
    let turn = &detail.turn;
    lines.heading(&format!("{} turn of {}", turn.kind.name(), words::counted(detail.events.len(), "event")));
    lines.plain("id", &turn.id);
    lines.some("status", Some(&turn.status));
    lines.some("who", Some(&turn.who));
    lines.some("says", Some(&turn.label));
    if let Some(error) = &turn.error {
        lines.add("error", error, Tone::Bad);
    }
    lines.some("note", screen.note.as_deref());
    if let Some(judged) = screen.insight.as_ref().and_then(|insight| insight.judged.as_ref()) {
        verdict(lines, judged);
    }
    lines.some("time", turn.at.map(|at| at.rfc3339()).as_deref());
    lines.some("ended", turn.ended.filter(|_| turn.ended != turn.at).map(|ended| ended.rfc3339()).as_deref());
    lines.some("latency", turn.latency.map(words::duration).as_deref());
    lines.some("model", turn.model.as_deref());
    lines.some("provider", detail.events.iter().find_map(|event| event.provider.as_deref()));
    lines.some("source", Some(&turn.source));
    for (_, words) in FLAGS.iter().filter(|(bit, _)| turn.flags & bit != 0) {
        lines.add("flag", words, Tone::Bad);
    }
    keys(lines, &turn.keys);
    for (number, event) in detail.events.iter().enumerate() {
        of_event(lines, detail, event, number + 1);
    }
}

/// The schema in force for a call, and whether the arguments satisfy it.
fn verdict(lines: &mut Lines, judged: &Judged) {
    let bad = matches!(judged.verdict, Verdict::Violated(_) | Verdict::BadArguments(_) | Verdict::BadSchema(_));
    for (name, words) in verdict_lines(judged) {
        let tone = match (bad, name) {
            (_, "schema") => Tone::Faint,
            (true, _) => Tone::Bad,
            (false, _) => Tone::Plain,
        };
        lines.add(name, &words, tone);
    }
}

/// The same as names and words.
pub(crate) fn verdict_lines(judged: &Judged) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if !judged.schema.is_empty() {
        lines.push(("schema", judged.schema.clone()));
    }
    match &judged.verdict {
        Verdict::Satisfied => lines.push(("arguments", "satisfy the schema in force".to_owned())),
        Verdict::NoSchema(why) => lines.push(("schema", why.clone())),
        Verdict::BadSchema(why) => {
            lines.push(("arguments", format!("cannot be judged, the schema is unusable: {why}")))
        }
        Verdict::BadArguments(why) => lines.push(("arguments", why.clone())),
        Verdict::Violated(failures) => {
            let count = words::counted(failures.len(), "place");
            lines.push(("arguments", format!("do not satisfy the schema in force at {count}")));
            lines.extend(failures.iter().map(|failure| {
                let path = if failure.path.is_empty() { "the whole" } else { &failure.path };
                ("", format!("{path}: {}", failure.says))
            }));
        }
    }
    lines
}

fn keys(lines: &mut Lines, keys: &[Key]) {
    if keys.is_empty() {
        return;
    }
    lines.heading("keys");
    for key in keys {
        let origin = match &key.rule {
            None => "native".to_owned(),
            Some(rule) => format!("derived by {rule}"),
        };
        lines.plain(key.kind.name(), &format!("{}  ({origin})", key.value));
    }
}

fn of_event(lines: &mut Lines, detail: &Detail, event: &Event, number: usize) {
    let phase = if event.phase == Phase::Whole { "" } else { event.phase.name() };
    lines.heading(format!("event {number}  {} {phase}", event.event_type).trim_end());
    lines.plain("id", &event.id);
    if event.revision > 0 {
        lines.plain("revision", &event.revision.to_string());
    }
    lines.some("written time", event.at.filter(|at| *at != event.order.time).map(|at| at.rfc3339()).as_deref());
    lines.plain("time", &event.order.time.rfc3339());
    lines.some("status", event.status.as_deref());
    lines.some("participant", event.participant.as_deref());
    lines.some("tool", event.tool.as_deref());
    for (name, value) in &event.attributes {
        lines.plain(name, value);
    }
    for body in detail.bodies.iter().filter(|body| body.event == event.number) {
        let size = words::size(body.size.max(0) as u64);
        lines.add(
            &format!("{} body", body.role.name()),
            &format!("{size}  sha256 {}", hex::encode(body.digest)),
            Tone::Faint,
        );
    }
    for spot in detail.spots.iter().filter(|spot| spot.event == event.number) {
        let words = format!("{}  at byte {}, {} long, read by {}", spot.path, spot.offset, spot.size, spot.importer);
        lines.add("origin", &words, Tone::Faint);
    }
}

fn usage(lines: &mut Lines, detail: &Detail, insight: Option<&Insight>) {
    if let Some(usage) = &detail.turn.usage {
        lines.heading("tokens of this turn");
        buckets(lines, usage);
    }
    let several: Vec<&Event> = detail.events.iter().filter(|event| event.usage.is_some()).collect();
    for event in several.iter().filter(|_| several.len() > 1) {
        lines.heading(&format!("as event {} reports it", event.id));
        if let Some(usage) = &event.usage {
            buckets(lines, usage);
        }
    }
    let settings = insight.map_or(&[][..], |insight| &insight.found.settings);
    if !settings.is_empty() {
        lines.heading("set, not measured");
    }
    for setting in settings {
        lines.add(setting.path.rsplit('.').next().unwrap_or_default(), &grouped(setting.value), Tone::Plain);
        lines.add("", &format!("at {}", setting.path), Tone::Faint);
    }
}

fn buckets(lines: &mut Lines, usage: &Usage) {
    for (name, tokens) in usage.named() {
        match tokens {
            Some(tokens) => lines.plain(name, &grouped(tokens)),
            // Unknown is not zero.
            None => lines.add(name, "unknown", Tone::Faint),
        }
    }
    lines.plain("rule", &usage.rule);
    lines.plain("counted by", usage.source.name());
}

/// A number with a space after every three digits.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut shown = if number < 0 { "-".to_owned() } else { String::new() };
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(' ');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0, 999, 1_000, -1_234_567].map(grouped), ["0", "999", "1 000", "-1 234 567"]);
    }

    #[test]
    fn every_flag_has_words() {
        let all = FLAGS.iter().fold(0, |bits, (bit, _)| bits | bit);
        assert_eq!(all, (flag::PURGED << 1) - 1);
    }

    #[test]
    fn on_a_narrow_screen_a_value_stands_below_its_name() {
        let lines = |width| lay("tool_call_id", "toolu_0123456789", Tone::Plain, width);
        let words = |width| lines(width).into_iter().map(|fact| (fact.name, fact.value)).collect::<Vec<_>>();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(words(80), [pair("tool_call_id", "toolu_0123456789")]);
        assert_eq!(words(20), [pair("tool_call_id", ""), pair("", "toolu_0123456789")]);
    }

    #[test]
    fn a_phrase_is_found_in_names_in_values_and_over_the_end_of_a_line() {
        let mut lines = Lines { facts: Vec::new(), width: 36 };
        lines.plain("name", "one two three four five");
        lines.plain("id", "abcdefghijklmnopqrstuvwxyz");
        let found = |text: &str| {
            let phrase = Phrase::parse(text).expect("valid").expect("has letters");
            places(&lines.facts, &phrase).into_iter().map(|place| (place.line, place.range)).collect::<Vec<_>>()
        };
        assert_eq!(found("NAM"), []);
        assert_eq!(found("nam"), [(0, None)]);
        assert_eq!(found("two"), [(0, Some((4, 7)))]);
        assert_eq!(found("three four"), [(0, Some((8, 14))), (1, Some((0, 4)))]);
        assert_eq!(found("pqrs"), [(2, Some((15, 17))), (3, Some((0, 2)))]);
    }

    #[test]
    fn long_values_go_on_below_their_name() {
        let mut lines = Lines { facts: Vec::new(), width: 30 };
        lines.plain("name", "one two three four five");
        assert!(lines.facts.len() > 1);
        assert!(lines.facts[1].name.is_empty());
    }
}
