//! What a reader must know before all else: what is missing as a whole, by name.

use super::rows::Sums;
use crate::domain::{Event, Kind};

/// What an importer warned of in this event: the original's own warnings, and tables that were not there.
pub fn told(event: &Event) -> Option<String> {
    (event.kind == Kind::Other && event.event_type == "warnings").then(|| event.label.clone())
}

/// All warnings. Of a part of a session only what importers said: the rest may lie outside it.
pub fn all(sums: &Sums, told: Vec<String>, is_whole: bool) -> Vec<String> {
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
        warnings.push("no transcript: nothing that was said or typed is recorded".to_owned());
    }
    if sums.purged > 0 {
        let events = if sums.purged == 1 { "1 event".to_owned() } else { format!("{} events", sums.purged) };
        warnings.push(format!("the payloads of {events} are gone: retention took them away"));
    }
    warnings
}
