//! Which of the original's documents a source is, and what lies in each of their parts.

use super::row::Table;
use crate::domain::{Outline, Shape, Value};

/// The documents that the original writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// What its report generator gives beside the page.
    Report,
    /// What a run of its smoke test or show leaves behind.
    Artifact,
    /// Rows of one room: the answer of the session API, or what a capture script gathered.
    Room,
    /// A benchmark of many runs.
    Suite,
    /// One run of a benchmark.
    Run,
    /// A canvas as a viewer saw it.
    Canvas,
}

/// What a part of the document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Row(Table),
    Blob,
    /// A turn of an artifact: a prompt, and how its delivery went.
    Turn,
    /// A run of a benchmark, and a step of one.
    Run,
    Step,
    /// An event of its own, of no table.
    Other,
    /// What is said of a row that the database could not give.
    Unreadable,
    /// One of the values that say what the document is; together they are one event.
    Header,
}

/// Members by which a report is known even when its beginning is all there is.
const OF_REPORT: [&str; 5] = ["reportScope", "windowStartIso", "windowEndIso", "modelIo", "toolIo"];

/// The form of a document that the original wrote.
pub fn form_of(root: Value<'_>) -> Option<Form> {
    let has = |name: &str| root.get(name).is_some();
    let is = |name: &str, shape: Shape| root.get(name).is_some_and(|value| value.shape() == shape);
    let all = |names: &[&str]| names.iter().all(|name| has(name));
    if root.shape() != Shape::Object || has("format") {
        return None;
    }
    let stored = root.get("blobs").and_then(|blobs| blobs.items().next());
    if stored.is_some_and(|blob| blob.get("payload").is_some() && blob.get("event_id").is_some()) {
        return Some(Form::Report);
    }
    if has("reportScope") && (has("room") || has("session")) {
        return Some(Form::Report);
    }
    if OF_REPORT.iter().filter(|name| has(name)).count() >= 2 || rows_of(root, &["modelIo", "toolIo"], "event_type") {
        return Some(Form::Report);
    }
    if has("runId") && all(&["scenarioId", "steps"]) {
        return Some(Form::Run);
    }
    if is("runs", Shape::Array) && root.word("benchmark").is_some_and(|name| name.starts_with("canvas-agent")) {
        return Some(Form::Suite);
    }
    if has("runId") && (is("sessionCorrelation", Shape::Object) || rows_of(root, &["turns"], "prompt")) {
        return Some(Form::Artifact);
    }
    let traced = rows_of(root, &["traces", "traceEvents"], "stage");
    let queued = rows_of(root, &["tasks"], "task") || root.at(&["task", "task"]).is_some();
    if traced || (queued && has("room")) {
        return Some(Form::Room);
    }
    (all(&["roomId", "canvasId", "shapes", "persisted"])).then_some(Form::Canvas)
}

/// Whether the first rows of one of these lists have a column.
fn rows_of(root: Value<'_>, lists: &[&str], column: &str) -> bool {
    let lists = lists.iter().filter_map(|name| root.get(name)).filter(|list| list.shape() == Shape::Array);
    lists.flat_map(|list| list.items().take(5)).any(|row| row.get(column).is_some())
}

/// Whether the head of a source begins one of these documents.
pub fn detect(head: &[Outline]) -> bool {
    matches!(head, [only] if form_of(only.root()).is_some())
}

/// What an element of a list, or a whole object, of a section is.
pub fn part_of(form: Form, section: &str, shape: Option<Shape>, in_list: bool) -> Part {
    if let Some(table) = table_of(section).filter(|_| in_list || shape == Some(Shape::Object)) {
        return Part::Row(table);
    }
    match (form, section) {
        (Form::Report | Form::Room, "blobs" | "agent_io_blobs") => Part::Blob,
        (Form::Report, "unreadable") if in_list => Part::Unreadable,
        (Form::Artifact, "turns") if in_list => Part::Turn,
        (Form::Suite, "runs") if in_list => Part::Run,
        (Form::Run, "steps") if in_list => Part::Step,
        (Form::Report | Form::Artifact | Form::Room, _) if in_list || shape == Some(Shape::Object) => Part::Other,
        (Form::Suite | Form::Canvas, _) if in_list => Part::Other,
        _ => Part::Header,
    }
}

/// The table that a section holds rows of; sections named like a table hold its rows.
fn table_of(section: &str) -> Option<Table> {
    Some(match section {
        "transcript" => Table::Transcript,
        "tasks" | "task" | "scorecardTask" => Table::Task,
        "traces" | "traceEvents" => Table::Trace,
        "modelIo" => Table::Model,
        "toolIo" => Table::Tool,
        "ledger" => Table::Ledger,
        "todos" => Table::Todo,
        "audit" => Table::Audit,
        other => return Table::ALL.into_iter().find(|table| table.name() == other),
    })
}

/// Rows that lie deeper inside a whole part: the path to a row or to a list of rows.
pub fn nested(section: &str) -> &'static [(&'static [&'static str], Table)] {
    match section {
        "runArtifact" => &[
            (&["sessionCorrelation", "body", "tasks"], Table::Task),
            (&["sessionCorrelation", "body", "traces"], Table::Trace),
        ],
        "sessionCorrelation" => &[(&["body", "tasks"], Table::Task), (&["body", "traces"], Table::Trace)],
        "runResponse" | "canvasRunResponse" => &[(&["payload", "task"], Table::Task)],
        _ => &[],
    }
}

/// Sections of which the original is known to write other events; what stands elsewhere is unknown.
pub fn is_known(section: &str) -> bool {
    const KNOWN: [&str; 18] = [
        "session",
        "counts",
        "warnings",
        "runArtifact",
        "sessionCorrelation",
        "runResponse",
        "canvasRunResponse",
        "scorecardTaskValidation",
        "canvasTaskValidation",
        "turns",
        "video",
        "summary",
        "variants",
        "scenarios",
        "assumptions",
        "shapes",
        "persisted",
        "elsewhere",
    ];
    KNOWN.contains(&section)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(json: &str) -> Option<Form> {
        form_of(Outline::of(json.as_bytes()).expect("valid").root())
    }

    #[test]
    fn documents_are_told_by_what_they_hold() {
        assert_eq!(form(r#"{"generatedAt":"x","reportScope":"room_name","modelIo":[]}"#), Some(Form::Report));
        assert_eq!(form(r#"{"modelIo":[{"event_type":"model_call"}]}"#), Some(Form::Report));
        assert_eq!(form(r#"{"blobs":{"b":{"event_id":"e","payload":"{}"}}}"#), Some(Form::Report));
        assert_eq!(form(r#"{"runId":"smoke-1","turns":[{"prompt":"x"}]}"#), Some(Form::Artifact));
        assert_eq!(form(r#"{"runId":"smoke-1","sessionCorrelation":{"body":{}}}"#), Some(Form::Artifact));
        assert_eq!(form(r#"{"room":"r","tasks":[{"task":"auto"}],"traces":[]}"#), Some(Form::Room));
        assert_eq!(form(r#"{"benchmark":"canvas-agent-benchmark-suite","runs":[]}"#), Some(Form::Suite));
        assert_eq!(form(r#"{"runId":"a","scenarioId":"b","steps":[]}"#), Some(Form::Run));
    }

    #[test]
    fn other_documents_are_not_claimed() {
        for json in [
            r#"{"format":"turnscope-slice","modelIo":[],"toolIo":[]}"#,
            r#"{"benchmark":"voice-agent-racetrack"}"#,
            r#"{"utterances":[]}"#,
            r#"{"runId":"x"}"#,
            r#"{"tasks":[{"task":"auto"}]}"#,
            "[1]",
        ] {
            assert_eq!(form(json), None, "{json}");
        }
    }

    #[test]
    fn lists_hold_rows_and_single_values_are_the_header() {
        assert_eq!(part_of(Form::Report, "modelIo", None, true), Part::Row(Table::Model));
        assert_eq!(part_of(Form::Report, "agent_tasks", None, true), Part::Row(Table::Task));
        assert_eq!(part_of(Form::Report, "tasks", Some(Shape::Null), false), Part::Header);
        assert_eq!(part_of(Form::Report, "session", Some(Shape::Object), false), Part::Other);
        assert_eq!(part_of(Form::Run, "metrics", Some(Shape::Object), false), Part::Header);
        assert_eq!(part_of(Form::Room, "task", Some(Shape::Object), false), Part::Row(Table::Task));
    }
}
