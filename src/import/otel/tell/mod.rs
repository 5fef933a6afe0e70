//! Tells a span or a log record as events: which kind, whose, with which keys, bodies and tokens, by the tables.

mod body;
mod calls;
mod identity;
mod own;

use super::any::Any;
use super::dialect::{Becomes, FIELDS, Field, Route, route};
use super::item::{Item, Nanos, Signal, moment};
use crate::domain::{
    ENDED, Event, Kind, Order, Outline, Phase, Role, UsageSource, excerpt, flag, odd_span_counts, read_span_usage,
};
use crate::import::{Draft, telling};

/// An event's own rule, as it is noted on it.
const RULE: &str = "convention";
/// Errors are shown up to this length.
const LONGEST_ERROR: usize = 500;
const LONGEST_TITLE: usize = 80;
/// No span began before the year 2000: nanoseconds since 1970.
const EARLIEST: Nanos = 946_684_800_000_000_000;

/// What one element came to.
#[derive(Debug)]
pub struct Told {
    pub drafts: Vec<Draft>,
    /// The same for the same element in any encoding.
    pub content: [u8; 16],
    /// The session that the element itself names, where its trace is otherwise a session of its own.
    pub adopts: Option<(String, String)>,
}

/// Tells one element. `fallback` is the session of what names neither a conversation nor a trace.
pub fn tell(item: &Item, fallback: &str) -> Told {
    let route = route(item);
    let owner = identity::owner(item, fallback);
    let mut event = base(item, route);
    event.session.clone_from(&owner.session);
    identity::keys(item, route, &owner, &mut event);
    let bodies = body::bodies(item, route, &mut event);
    describe(item, route, &bodies, &mut event);
    if own::is_own(item) {
        own::restore(item, &mut event);
        let drafts = vec![Draft { own: bodies, ..Draft::new(event) }];
        return Told { drafts, content: item.content(), adopts: owner.adopts };
    }
    let mut more = spoken(item, route, &event);
    more.extend(calls::told(item, route, &event, &bodies));
    // Of several tellings of a span, what came of the one that ended last is the newest.
    let ended = event.attribute(ENDED).map(str::to_owned);
    for draft in &mut more {
        draft.event.attributes.extend(ended.iter().map(|ended| (ENDED.to_owned(), ended.clone())));
    }
    let mut drafts = vec![Draft { own: bodies, ..Draft::new(event) }];
    drafts.append(&mut more);
    Told { drafts, content: item.content(), adopts: owner.adopts }
}

/// The first attribute that says a single value, its sender's aside.
fn field(item: &Item, field: Field) -> Option<String> {
    let names = FIELDS.iter().find(|(known, _)| *known == field).map(|(_, names)| *names)?;
    names.iter().find_map(|name| item.get(name).and_then(Any::word))
}

fn number(item: &Item, wanted: Field) -> Option<f64> {
    field(item, wanted)?.parse().ok()
}

fn base(item: &Item, route: &Route) -> Event {
    let service = item.get_any("service.name").and_then(Any::word);
    let scope = item.get_any("otel.scope.name").and_then(Any::word);
    let source = service.filter(|name| !name.starts_with("unknown_service")).or(scope);
    let operation = field(item, Field::Operation).map(|name| name.to_ascii_lowercase());
    let event_type = match route.becomes {
        Becomes::Model | Becomes::Tool | Becomes::Trace if item.signal == Signal::Traces => operation,
        _ => Some(item.name.clone()).filter(|name| !name.is_empty()),
    };
    let plain = if item.signal == Signal::Traces { "span" } else { "log" };
    let mut event = Event::new(
        route.becomes.kind(),
        source.as_deref().unwrap_or(route.dialect.name),
        &event_type.unwrap_or_else(|| plain.to_owned()),
    );
    event.id = identity::event_id(item);
    event.at = item.start.and_then(moment);
    if event.at.is_none() {
        event.flags |= flag::INFERRED_TIME;
    }
    let written = item.start.filter(|_| event.at.is_none()).map(|nanos| nanos.to_string());
    event
        .attributes
        .extend(written.or_else(|| item.odd_time.clone()).map(|time| ("time_out_of_range".to_owned(), time)));
    let early = item.start.or(item.end).filter(|nanos| *nanos < EARLIEST).and_then(too_early);
    event.attributes.extend(early.map(|words| ("time_out_of_range".to_owned(), words)));
    let odd: Vec<&str> = item.sender.odd.iter().chain(&item.odd).map(String::as_str).collect();
    event.attributes.extend((!odd.is_empty()).then(|| ("not_understood".to_owned(), odd.join("; "))));
    // The nanoseconds that a time in microseconds leaves out, so that what began first stands first.
    let rest = item.start.map_or(0, |nanos| nanos.rem_euclid(1000) as i64);
    event.order = Order { time: event.at.unwrap_or_default(), origin: 0, sequence: rest };
    let lasted = item.start.zip(item.end).map(|(start, end)| (end - start).div_euclid(1000));
    let lasted = lasted.and_then(|micros| i64::try_from(micros).ok());
    if let Some(before) = lasted.filter(|micros| *micros < 0) {
        let words = format!("it ended {} before it began", seconds(before.unsigned_abs()));
        event.attributes.push(("time_out_of_range".to_owned(), words));
    }
    let lasted = lasted.filter(|micros| *micros >= 0);
    event.latency = lasted.or_else(|| number(item, Field::LastedMillis).map(|millis| (millis * 1000.0) as i64));
    event.attributes.push((RULE.to_owned(), format!("{}.{}", route.dialect.name, route.rule)));
    event.attributes.push(("convention_version".to_owned(), route.dialect.version.to_owned()));
    event
}

/// What is said of a time that cannot be, which stays as it was written: in which unit it would be one that can.
fn too_early(nanos: Nanos) -> Option<String> {
    let at = moment(nanos)?.rfc3339();
    let unit = match nanos {
        1_000_000_000..100_000_000_000 => Some("seconds"),
        1_000_000_000_000..100_000_000_000_000 => Some("milliseconds"),
        1_000_000_000_000_000..100_000_000_000_000_000 => Some("microseconds"),
        _ => None,
    };
    let guess = unit.map(|unit| format!("; it may be counted in {unit}")).unwrap_or_default();
    Some(format!("{nanos} ns is {at}, before the year 2000{guess}"))
}

fn seconds(micros: u64) -> String {
    format!("{}.{:06} s", micros / 1_000_000, micros % 1_000_000)
}

/// What is shown of the event, and how it went.
fn describe(item: &Item, route: &Route, bodies: &[(Role, Vec<u8>)], event: &mut Event) {
    event.provider = field(item, Field::Provider);
    if matches!(event.kind, Kind::Model | Kind::Trace) {
        event.model = field(item, Field::Model);
    }
    match route.becomes {
        Becomes::Tool => {
            event.tool = field(item, Field::ToolName).or_else(|| {
                let name = item.name.strip_prefix("execute_tool ").unwrap_or(&item.name);
                Some(name.to_owned()).filter(|name| !name.is_empty())
            });
        }
        Becomes::Prompt => event.participant = Some("user".to_owned()),
        _ => {}
    }
    if matches!(route.becomes, Becomes::Said | Becomes::Answer) {
        event.phase = Phase::Part;
    }
    judge(item, route, event);
    count(item, event);
    note(item, event);
    asked(item, route, bodies, event);
    event.label = label(item, route, bodies, event);
}

fn judge(item: &Item, route: &Route, event: &mut Event) {
    let thrown = item.events.iter().find(|moment| moment.name == "exception");
    let thrown = thrown.and_then(|moment| {
        let said = |name: &str| moment.attributes.iter().find(|(known, _)| known == name).and_then(|(_, it)| it.word());
        said("exception.message").or_else(|| said("exception.type"))
    });
    let success = field(item, Field::Success).map(|word| word.to_ascii_lowercase());
    let has_failed = success.as_deref().is_some_and(|word| matches!(word, "false" | "error" | "failed"))
        || field(item, Field::Failed).is_some_and(|word| word == "true");
    let kind = field(item, Field::ErrorType).or_else(|| field(item, Field::ErrorMessage));
    let aborted = field(item, Field::FinishReason).is_some_and(|reason| reason == "error");
    let is_error = item.failed.unwrap_or(has_failed || kind.is_some() || aborted || thrown.is_some());
    if is_error {
        event.flags |= flag::ERROR;
        let said = item.status_message.clone().or_else(|| field(item, Field::ErrorMessage)).or(thrown).or(kind);
        event.error = said.map(|text| excerpt(&text, LONGEST_ERROR));
    }
    let is_open = item.signal == Signal::Traces && item.start.is_some() && item.end.is_none();
    let interrupted = field(item, Field::Interrupted).is_some_and(|word| word == "true");
    event.status = match (is_error, interrupted, is_open) {
        (true, ..) => Some("error".to_owned()),
        (_, true, _) => Some("interrupted".to_owned()),
        (.., true) => Some("pending".to_owned()),
        _ if item.signal == Signal::Traces => Some("ok".to_owned()),
        // A message does not say how the call went that it is a part of.
        _ if matches!(route.becomes, Becomes::Said | Becomes::Answer) => None,
        _ => item.severity.as_deref().map(severity),
    };
}

/// A severity in a word; the conventions number them, four to each word.
fn severity(written: &str) -> String {
    const WORDS: [&str; 6] = ["trace", "debug", "info", "warn", "error", "fatal"];
    let number = written.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    number.and_then(|number| WORDS.get(number / 4)).map_or_else(|| written.to_owned(), |word| (*word).to_owned())
}

/// Tokens: of a model call they count; what a span around it reports is kept beside it and never added.
fn count(item: &Item, event: &mut Event) {
    let counts = item.attributes.iter().filter(|(_, value)| value.number().is_some()).cloned().collect();
    let json = Any::Map(counts).json();
    let Ok(outline) = Outline::of(json.as_bytes()) else { return };
    event.attributes.extend(odd_span_counts(outline.root()).map(|words| ("usage_mismatch".to_owned(), words)));
    let Some(reading) = read_span_usage(outline.root()) else { return };
    if let Some((total, sum)) = reading.mismatch {
        event.attributes.push(("usage_mismatch".to_owned(), format!("reported total {total}, sum {sum}")));
    }
    // Some SDKs count what was cached beside the input by their own rule; of others it is a guess that they do.
    let guessed = reading.beside.filter(|_| reading.usage.source == UsageSource::Provider);
    if let Some((cached, input)) = guessed {
        let words = format!("{cached} cached of {input} input: taken to stand beside it");
        event.attributes.push(("usage_mismatch".to_owned(), words));
    }
    if event.kind == Kind::Model {
        event.usage = Some(reading.usage);
        return telling::doubt_usage(event);
    }
    telling::report_usage(event, &reading.usage);
}

/// What has no field of its own and is short.
fn note(item: &Item, event: &mut Event) {
    let mut say = |name: &str, value: Option<String>| {
        event.attributes.extend(value.map(|value| (name.to_owned(), excerpt(&value, LONGEST_ERROR))));
    };
    let seconds = number(item, Field::FirstTokenSeconds).map(|seconds| seconds * 1000.0);
    let first = seconds.or_else(|| number(item, Field::FirstTokenMillis));
    say("ttft_ms", first.map(|millis| format!("{millis:.0}")));
    say("finish_reason", field(item, Field::FinishReason));
    say("agent", field(item, Field::Agent));
    say("tool_type", field(item, Field::ToolType));
    say("tool_description", field(item, Field::ToolDescription));
    say("reported_cost", field(item, Field::Cost));
    say("attempt", field(item, Field::Attempt));
    say("error_type", field(item, Field::ErrorType));
    let asked = field(item, Field::AskedModel).filter(|asked| event.model.as_ref().is_some_and(|model| model != asked));
    event.attributes.extend(asked.map(|asked| ("requested_model".to_owned(), asked)));
    event.attributes.push(("name".to_owned(), excerpt(&item.name, LONGEST_ERROR)));
    for (count, what) in item.dropped.iter().zip(["attributes", "events", "links"]).filter(|(count, _)| **count > 0) {
        event.attributes.push((format!("dropped_{what}"), count.to_string()));
        event.flags |= flag::TRUNCATED;
    }
    let ended = item.end.and_then(moment).map(|moment| moment.rfc3339());
    event.attributes.extend(ended.map(|ended| (ENDED.to_owned(), ended)));
}

/// What was asked, in a line: a session is named after the first of them.
fn asked(item: &Item, route: &Route, bodies: &[(Role, Vec<u8>)], event: &mut Event) {
    let input = bodies.iter().find(|(role, _)| *role == Role::Input).map(|(_, bytes)| bytes.as_slice());
    let text = match route.becomes {
        Becomes::Prompt => field(item, Field::Prompt),
        Becomes::Model | Becomes::Trace | Becomes::Said => input.and_then(body::asked),
        _ => None,
    };
    let text = text.map(|text| excerpt(&text, LONGEST_TITLE)).filter(|text| !text.trim().is_empty());
    event.attributes.extend(text.map(|text| ("asked".to_owned(), text)));
}

fn label(item: &Item, route: &Route, bodies: &[(Role, Vec<u8>)], event: &mut Event) -> String {
    let body = |role: Role| bodies.iter().find(|(known, _)| *known == role).map(|(_, bytes)| bytes.as_slice());
    let plain = if item.name.is_empty() { event.event_type.clone() } else { item.name.clone() };
    match route.becomes {
        Becomes::Prompt => telling::label(&field(item, Field::Prompt).unwrap_or(plain)),
        Becomes::Model | Becomes::Answer | Becomes::Said => {
            // What an embedding answers is numbers.
            let answer = body(Role::Output).filter(|_| !event.event_type.contains("embed"));
            if let Some(text) = answer.and_then(body::words) {
                event.attributes.push(("says".to_owned(), "text".to_owned()));
                return telling::label(&text);
            }
            let asked = body(Role::Input).and_then(body::words).filter(|_| route.becomes == Becomes::Said);
            telling::label(&asked.unwrap_or(plain))
        }
        Becomes::Tool => {
            let tool = event.tool.clone().unwrap_or(plain);
            let outline = body(Role::Input).and_then(|bytes| Outline::of(bytes).ok());
            telling::call_label(&tool, outline.as_ref().map(Outline::root))
        }
        Becomes::Trace | Becomes::Task | Becomes::Other => {
            let said = item.body.word().filter(|_| item.signal == Signal::Logs);
            let shown = match said {
                Some(said) if item.name.is_empty() => said,
                Some(said) if said != item.name => format!("{}: {said}", item.name),
                _ => plain,
            };
            telling::label(&shown)
        }
    }
}

/// What was heard and said in a span of a voice agent: lines of a transcript beside the span.
fn spoken(item: &Item, route: &Route, of: &Event) -> Vec<Draft> {
    if item.signal != Signal::Traces {
        return Vec::new();
    }
    let agent = field(item, Field::Spoken).filter(|_| route.becomes == Becomes::Trace);
    let user = field(item, Field::Heard);
    let lines = [("user", user, item.end.or(item.start)), ("agent", agent, item.start)];
    let lines = lines.into_iter().filter_map(|(who, said, at)| Some((who, said?, at)));
    lines
        .map(|(who, said, at)| {
            let mut event = Event::new(Kind::Transcript, &of.source, "transcript");
            event.session.clone_from(&of.session);
            event.id = if of.id.is_empty() { format!("#{who}") } else { format!("{}:{who}", of.id) };
            event.turn = (!of.id.is_empty()).then(|| event.id.clone());
            event.at = at.and_then(moment);
            event.order = Order { time: event.at.unwrap_or(of.order.time), ..of.order };
            event.keys.clone_from(&of.keys);
            event.participant = match who {
                "agent" => Some("voice-agent".to_owned()),
                _ => field(item, Field::Participant).or_else(|| Some("user".to_owned())),
            };
            event.label = telling::label(&said);
            if who == "agent" {
                event.status.clone_from(&of.status);
            }
            Draft { own: vec![(Role::Input, said.into_bytes())], ..Draft::new(event) }
        })
        .collect()
}
