//! What a reader must know before all else: what is missing as a whole, by name.

use super::rows::Sums;
use crate::domain::{Event, Kind};

/// What an importer warned of in this event: the original's own warnings, and tables that were not there.
pub fn told(event: &Event) -> Option<String> {
    (event.kind == Kind::Other && event.event_type == "warnings").then(|| event.label.clone())
}

/// The tables of the original whose rows its sessions have; others may well do without.
const TABLES: [(Kind, &str, &str); 2] =
    [(Kind::Task, "tasks of the queue", "agent_tasks"), (Kind::Trace, "trace events", "agent_trace_events")];

/// All warnings. Of a part of a session only what importers said: the rest may lie outside it.
pub fn all(sums: &Sums, told: Vec<String>, is_whole: bool, agent: &str) -> Vec<String> {
    let is_original = agent == "present";
    let mut warnings = told;
    let mut seen = std::collections::HashSet::new();
    warnings.retain(|warning| seen.insert(warning.clone()));
    if !is_whole {
        return warnings;
    }
    if sums.of(Kind::Model) == 0 && sums.of(Kind::Tool) == 0 {
        warnings.push(
            "no replay rows of models or tools (agent_model_io, agent_tool_io): nothing was recorded, or it came \
             before they were; only sessions recorded with them can be replayed"
                .to_owned(),
        );
    } else if sums.reporting == 0 {
        warnings.push("no token counters anywhere: usage and cost are unknown".to_owned());
    }
    if sums.of(Kind::Transcript) == 0 {
        let table = if is_original { " (canvas_session_transcripts)" } else { "" };
        warnings.push(format!("no transcript{table}: nothing that was said or typed is recorded"));
    }
    let missing = TABLES.iter().filter(|(kind, _, _)| is_original && sums.of(*kind) == 0);
    warnings.extend(missing.map(|(_, what, table)| format!("no {what} ({table}): none is recorded for this session")));
    if sums.purged > 0 {
        let events = if sums.purged == 1 { "1 event".to_owned() } else { format!("{} events", sums.purged) };
        warnings.push(format!("the payloads of {events} are gone: retention took them away"));
    }
    warnings
}
