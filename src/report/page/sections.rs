//! In which sections of the page a row stands: those of the original's agents, and one for every other source.

use serde_json::Value;

/// The sections that the original's report has, in its order, then the ledger that it never read.
const FIXED: [Fixed; 8] = [
    Fixed("transcript", "Transcript", ""),
    Fixed("voice", "Voice agent", "voice_agent"),
    Fixed("transcription", "Transcription agent", "transcription_agent"),
    Fixed("orchestration", "Orchestration agent", "orchestration_agent"),
    Fixed("steward", "Steward agents", "canvas_runner canvas_steward"),
    Fixed("fairy", "Fairy agents", "fairy_router"),
    Fixed("fast", "Fast agents", "fast_*"),
    Fixed("ledger", "Orchestration ledger", ""),
];

/// Id, title, and whose priming is shown in it.
struct Fixed(&'static str, &'static str, &'static str);

const TRANSCRIPT: usize = 0;
const TRANSCRIBERS: &[&str] = &["transcription_agent", "voice_transcript"];
/// More sections than these are one; JavaScript's numbers hold so many bits.
const MOST: usize = 48;
/// What the steward does, by the beginnings of the names of its tasks.
const STEWARD: [&str; 4] = ["canvas.", "scorecard.", "flowchart.", "youtube."];

/// A section with rows of its own.
pub struct Section {
    pub id: String,
    pub title: String,
    pub rows: usize,
    /// The sources whose models' priming stands in it, with spaces between; `*` at the end stands for anything. A section of
    /// a source of its own is that source's, whatever it is called.
    pub primed: String,
    /// By which bit of its rows it is known.
    pub bit: usize,
}

/// Places rows, and counts them.
pub struct Placing {
    counts: Vec<usize>,
    /// Sources of sections of their own, behind the fixed ones.
    sources: Vec<String>,
}

impl Default for Placing {
    fn default() -> Self {
        Self { counts: vec![0; FIXED.len()], sources: Vec::new() }
    }
}

impl Placing {
    /// The sections of a row, a bit each.
    pub fn place(&mut self, row: &Value) -> u64 {
        let mut bits: Vec<usize> = (0..FIXED.len()).filter(|bit| stands_in(*bit, row)).collect();
        let source = text(&row["source"]);
        if bits.is_empty() && !source.is_empty() {
            let known = self.sources.iter().position(|known| known == source);
            let place = known.unwrap_or_else(|| {
                if FIXED.len() + self.sources.len() < MOST {
                    self.sources.push(source.to_owned());
                    self.counts.push(0);
                }
                self.sources.len() - 1
            });
            bits.push(FIXED.len() + place);
        }
        bits.iter().fold(0, |mask, bit| {
            self.counts[*bit] += 1;
            mask | 1 << bit
        })
    }

    /// The transcript.
    pub fn transcript(&self) -> Section {
        self.section(TRANSCRIPT)
    }

    /// The sections of agents and other sources that have rows.
    pub fn agents(&self) -> Vec<Section> {
        (1..self.counts.len()).map(|bit| self.section(bit)).filter(|section| section.rows > 0).collect()
    }

    fn section(&self, bit: usize) -> Section {
        let (id, title, primed) = match FIXED.get(bit) {
            Some(Fixed(id, title, primed)) => ((*id).to_owned(), (*title).to_owned(), (*primed).to_owned()),
            None => {
                let source = &self.sources[bit - FIXED.len()];
                (format!("source-{bit}"), source.clone(), source.clone())
            }
        };
        Section { id, title, rows: self.counts[bit], primed, bit }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// Whether a row stands in one of the fixed sections, by the original's rules without their slips: a person whose name
/// holds `stt` is no transcriber.
fn stands_in(bit: usize, row: &Value) -> bool {
    let (kind, source) = (text(&row["kind"]), text(&row["source"]));
    let of = |wanted: &[&str]| any(row, |event| wanted.contains(&text(&event["source"])));
    if kind == "transcript" {
        let who = |part: &str| {
            let id = any(row, |event| attribute(event, "participant_id").contains(part));
            id || text(&row["who"]).to_lowercase().replace(' ', "-").contains(part)
        };
        // What an agent has heard stands in the same row.
        return match bit {
            TRANSCRIPT => true,
            1 => who("voice-agent") || of(&["voice_agent"]),
            2 => who("transcription") || who("transcriber") || of(TRANSCRIBERS),
            _ => false,
        };
    }
    let task = task_of(row);
    let is_task = matches!(source, "agent_tasks" | "agent_trace_events");
    let steward = STEWARD.iter().any(|start| task.starts_with(start));
    let fast = any(row, |event| {
        text(&event["source"]).starts_with("fast_")
            || attribute(event, "provider_path") == "fast"
            || text(&event["provider"]) == "cerebras"
    }) || (source == "agent_trace_events" && task.starts_with("fast_"));
    match bit {
        1 => of(&["voice_agent"]),
        2 => of(TRANSCRIBERS),
        3 => {
            let other = fast || steward || task.starts_with("fairy");
            of(&["orchestration_agent"]) || (source == "agent_trace_events" && !other)
        }
        4 => of(&["canvas_runner", "canvas_steward", "conductor_worker"]) || (is_task && steward && !fast),
        5 => of(&["fairy_router"]) || text(&row["tool"]) == "fairy.intent" || (is_task && task == "fairy.intent"),
        6 => fast,
        7 => source == "fairy_orchestration_ledger",
        _ => false,
    }
}

/// The name of the queue's task that a row tells of.
fn task_of(row: &Value) -> &str {
    let first = &row["events"][0];
    match text(&row["kind"]) {
        "task" => text(&first["event_type"]),
        _ => attribute(first, "task"),
    }
}

fn any(row: &Value, is: impl Fn(&Value) -> bool) -> bool {
    row["events"].as_array().is_some_and(|events| events.iter().any(is))
}

fn attribute<'a>(event: &'a Value, name: &str) -> &'a str {
    let all = event["attributes"].as_array().into_iter().flatten();
    all.filter(|pair| pair[0] == name).map(|pair| text(&pair[1])).next().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sections(row: Value) -> Vec<String> {
        let mut placing = Placing::default();
        let mask = placing.place(&row);
        let all = std::iter::once(placing.transcript()).chain(placing.agents());
        all.filter(|section| mask & 1 << section.bit != 0).map(|section| section.title).collect()
    }

    fn row(kind: &str, source: &str, event: Value) -> Value {
        let mut event = event;
        event["source"] = json!(source);
        json!({"kind": kind, "source": source, "tool": event["tool"], "who": event["who"], "events": [event]})
    }

    #[test]
    fn rows_of_the_original_stand_where_its_report_had_them() {
        let path = json!([["provider_path", "fast"]]);
        let steward = json!([["task", "canvas.quick_text"]]);
        for (row, expected) in [
            (row("model", "voice_agent", json!({})), vec!["Voice agent"]),
            (row("model", "fairy_router", json!({"attributes": path})), vec!["Fairy agents", "Fast agents"]),
            (row("tool", "conductor_worker", json!({"tool": "fairy.intent"})), vec!["Steward agents", "Fairy agents"]),
            (row("trace", "agent_trace_events", json!({"attributes": steward})), vec!["Steward agents"]),
            (row("trace", "agent_trace_events", json!({})), vec!["Orchestration agent"]),
            (row("task", "agent_tasks", json!({"event_type": "fairy.intent"})), vec!["Fairy agents"]),
            (row("other", "fairy_orchestration_ledger", json!({})), vec!["Orchestration ledger"]),
        ] {
            assert_eq!(sections(row.clone()), expected, "{row}");
        }
    }

    /// Weakness 28: some rows stood in no section, and people whose names hold `stt` in a wrong one.
    #[test]
    fn every_row_stands_somewhere_and_no_person_is_a_transcriber() {
        assert_eq!(sections(row("tool", "agent_telemetry_api", json!({}))), ["agent_telemetry_api"]);
        assert_eq!(sections(row("model", "voice_transcript", json!({}))), ["Transcription agent"]);
        let said = json!({"attributes": [["participant_id", "user-lastthing"]], "who": "Scottie"});
        assert_eq!(sections(row("transcript", "lines", said)), ["Transcript"]);
    }
}
