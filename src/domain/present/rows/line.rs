//! Transcript lines: what was said or typed, and the status lines that a browser makes up.

use super::{Context, LONGEST_ATTRIBUTE, Made, base, body, made};
use crate::domain::present::ids;
use crate::domain::present::row::{Row, Table, shown};
use crate::domain::telling;
use crate::domain::{Key, KeyKind, Kind, Phase, Role, Shape};

/// Participants of this ending were made up by the original's report.
const SYNTHETIC: &str = ".synthetic";
/// Times are in milliseconds since 1970; so many of them are no time of speech, and no microseconds either.
const LATEST: u64 = 100_000_000_000_000;

pub fn read(row: Row<'_>, context: &Context<'_>) -> Made {
    let mut event = base(Table::Transcript, Kind::Transcript, Table::Transcript.name(), "transcript", row, context);
    let who = row.text("participant_id");
    event.participant = row.text("participant_name").or_else(|| who.clone());
    let said = row.get("text");
    let text = said.and_then(|said| said.text()).unwrap_or_default();
    // Words are shown as they are, anything else as it was written.
    event.label = match said {
        Some(odd) if odd.shape() != Shape::String => telling::label(&shown(odd, LONGEST_ATTRIBUTE)),
        _ => telling::label(&text),
    };
    event.attributes.extend(row.text("created_at").map(|stored| ("created_at".to_owned(), stored)));
    // Spoken at `ts`; `created_at` is when a browser got round to storing it.
    let impossible = row.integer("ts").filter(|millis| millis.unsigned_abs() >= LATEST);
    event.attributes.extend(impossible.map(|millis| ("time_out_of_range".to_owned(), millis.to_string())));
    if let Some(spoken) = row.time("ts").filter(|_| impossible.is_none()) {
        event.at = Some(spoken);
        event.order.time = spoken;
        event.flags &= !crate::domain::flag::INFERRED_TIME;
    }
    if let Some(who) = &who {
        event.attributes.push(("participant_id".to_owned(), who.clone()));
        if let Some(ts) = row.integer("ts") {
            let line = format!("{who}:{ts}");
            event.turn = Some(format!("said:{line}"));
            event.keys.push(Key::derived(KeyKind::Request, line, "present.transcript_ts"));
        }
        if who.ends_with(SYNTHETIC) {
            event.attributes.push(("synthetic".to_owned(), "made up by the report from the run's turns".to_owned()));
        }
    }
    event.phase = Phase::Whole;
    let from_browser = is_agent(who.as_deref()) && row.is("manual");
    if let Some(task) = ids::status_line_task(&text).filter(|_| from_browser) {
        event.keys.push(Key::derived(KeyKind::Task, task, "present.status_line_task"));
    }
    let mut made = made(event);
    body(row, "text", Role::Input, &mut made);
    made
}

fn is_agent(participant: Option<&str>) -> bool {
    participant.is_some_and(|participant| participant.starts_with("voice-agent"))
}

/// Whether a person said it: no agent, and nothing made up.
pub fn is_person(participant: &str) -> bool {
    let participant = participant.to_ascii_lowercase();
    !["voice-agent", "transcription", "transcriber", "agent"].iter().any(|name| participant.starts_with(name))
}
