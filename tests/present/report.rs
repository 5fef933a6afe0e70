//! A report as the original's generator writes it, and the timeline that comes of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::desk::{Desk, text};
use crate::example::{CANVAS, ROOM};
use crate::world::{BLOBS, LEDGER, LINES, MODELS, SESSIONS, TASKS, TOOLS, TRACES, World, stamp};

/// The sections of a report with their tables. The last is none of the original's, which never reads the ledger.
const SECTIONS: [(&str, &str); 6] = [
    ("transcript", LINES),
    ("tasks", TASKS),
    ("traces", TRACES),
    ("modelIo", MODELS),
    ("toolIo", TOOLS),
    ("ledger", LEDGER),
];

pub fn report(world: &World) -> Value {
    let mut report = json!({
        "generatedAt": "2026-03-03T08:00:00.000Z", "canvasId": CANVAS, "reportScope": "session_id", "runArtifact": null,
        "room": ROOM, "session": world.of(SESSIONS).next(), "windowStartIso": stamp(-287_600),
        "windowEndIso": stamp(1_941_500), "counts": {"transcript": world.of(LINES).count()},
        "warnings": ["no replay rows for the canvas steward"],
    });
    for (section, table) in SECTIONS {
        report[section] = world.of(table).cloned().collect();
    }
    let blobs: Map<String, Value> =
        world.of(BLOBS).map(|blob| (blob["id"].as_str().expect("an id").to_owned(), blob.clone())).collect();
    report["blobs"] = Value::Object(blobs);
    report
}

/// As the original writes it: two spaces a level.
pub fn written(report: &Value) -> Vec<u8> {
    serde_json::to_vec_pretty(report).expect("writes")
}

/// A report in a store of its own.
pub struct Told {
    pub desk: Desk,
    pub import: Value,
    /// Rows by the ids of their events.
    rows: BTreeMap<String, Value>,
    pub timeline: String,
    pub session: String,
}

impl Told {
    pub fn of(report: &Value) -> Self {
        Self::of_bytes(&written(report), 0)
    }

    /// Brings a document in, which must end with this exit code.
    pub fn of_bytes(bytes: &[u8], code: i32) -> Self {
        let desk = Desk::new();
        let path = desk.write("report.json", bytes);
        let ran = desk.run(&["import", "--json", text(&path)]);
        assert_eq!(ran.code, code, "{ran:?}");
        let import = ran.objects().remove(0);
        assert_eq!(import["records"], import["represented"], "{import}");
        let session = import["sessions"][0].as_str().expect("a session").to_owned();
        let timeline = desk.done(&["timeline", &session, "--json"]).text().to_owned();
        let mut rows = BTreeMap::new();
        for line in timeline.lines() {
            let row: Value = serde_json::from_str(line).expect("JSON");
            for event in row["events"].as_array().expect("events") {
                rows.insert(event.as_str().expect("an id").to_owned(), row.clone());
            }
        }
        Self { desk, import, rows, timeline, session }
    }

    /// The row that holds an event.
    pub fn row(&self, event: &str) -> &Value {
        self.rows.get(event).unwrap_or_else(|| panic!("no event {event} in\n{}", self.timeline))
    }

    pub fn rows(&self) -> Vec<Value> {
        self.timeline.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// All that is known of one event.
    pub fn event(&self, id: &str) -> Value {
        let shown = self.desk.done(&["show", &self.session, id, "--json"]).objects().remove(0);
        let events = shown["events"].as_array().expect("events");
        events.iter().find(|event| event["id"] == id).unwrap_or_else(|| panic!("no {id} in {shown}")).clone()
    }

    pub fn part(&self, id: &str, part: &str) -> Vec<u8> {
        self.desk.done(&["show", &self.session, id, "--part", part]).out
    }
}

/// The values of an attribute of an event.
pub fn attributes<'a>(event: &'a Value, name: &'a str) -> Vec<&'a str> {
    let all = event["attributes"].as_array().expect("attributes").iter();
    all.filter(|attribute| attribute["name"] == name)
        .map(|attribute| attribute["value"].as_str().expect("text"))
        .collect()
}

/// The keys of an event or a row as `kind=value` with `/rule` behind derived ones.
pub fn keys(of: &Value) -> Vec<String> {
    let kinds = of["keys"].as_object().expect("keys").iter();
    let mut keys: Vec<String> = kinds
        .flat_map(|(kind, values)| {
            let values = values.as_array().expect("values").iter();
            values.map(move |key| {
                let rule = key["rule"].as_str().map_or_else(String::new, |rule| format!("/{rule}"));
                format!("{kind}={}{rule}", key["value"].as_str().expect("a value"))
            })
        })
        .collect();
    keys.sort();
    keys
}

/// The event ids of the rows of a table that have these columns.
pub fn ids(world: &World, table: &str, columns: &[(&str, &str)]) -> Vec<String> {
    let fits = |row: &&Value| columns.iter().all(|(name, value)| row[name] == *value);
    let id = |row: &Value| row["event_id"].as_str().or(row["id"].as_str()).expect("an id").to_owned();
    world.of(table).filter(fits).map(id).collect()
}
