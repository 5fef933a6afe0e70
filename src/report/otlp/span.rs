//! One row as one span in the GenAI conventions.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::message::{messages, parts};
use super::said::Said;
use crate::domain::own_span as own;
use crate::domain::{KeyKind, flag};
use crate::report::kept::{Held, Kept};
use crate::timeline::value_of;

/// A longer body is left out: no reader of spans takes it.
const LONGEST: u64 = 4 << 20;

/// What has no place in a span, and how often it was met.
pub type LeftOut = BTreeMap<&'static str, usize>;

/// Makes spans of rows, one after another.
pub struct Spans {
    left_out: LeftOut,
    /// The trace and the span of each row so far.
    ids: Vec<(String, String)>,
    /// The time of the row before, and how many had it.
    before: (i64, i64),
}

impl Default for Spans {
    fn default() -> Self {
        Self { left_out: LeftOut::new(), ids: Vec::new(), before: (i64::MIN, 0) }
    }
}

impl Spans {
    /// What had no place so far.
    pub fn left_out(self) -> LeftOut {
        self.left_out
    }

    fn leave_out(&mut self, what: &'static str) {
        *self.left_out.entry(what).or_default() += 1;
    }

    /// The next row.
    pub fn span(&mut self, row: &Value, kept: &mut Kept) -> Result<Value> {
        let kind = row["kind"].as_str().unwrap_or("other");
        let mut said = Said::default();
        let first = &row["events"][0]["turnscope"];
        let session = row["session"].as_str();
        said.text("session.id", session);
        said.text("gen_ai.conversation.id", session);
        said.text(own::ROW, row["id"].as_str());
        said.text(own::KIND, Some(kind));
        said.count(own::PLACE, i64::try_from(self.ids.len()).ok());
        said.truth(own::TURN, !first["turn"].is_null());
        said.text(own::LABEL, text(&row["label"]));
        said.text(own::STATUS, text(&row["status"]));
        said.count(own::LATENCY, row["latency"].as_i64());
        said.text(own::EVENT_TYPE, text(&first["event_type"]));
        said.text(own::PARTICIPANT, text(&first["participant"]));
        self.keys(row, &mut said);
        self.named(kind, row, &mut said);
        self.usage(row, &mut said);
        self.bodies(kind, row, kept, &mut said)?;
        self.attributes(row);
        if list(&row["joins"]).next().is_some() {
            self.leave_out("rows with joins; what is joined is worked out anew where the spans are read");
        }
        Ok(self.whole(kind, row, said))
    }

    /// Values that the sources wrote; what rules derived is derived again.
    fn keys(&mut self, row: &Value, said: &mut Said) {
        for (kind, values) in row["keys"].as_object().into_iter().flatten() {
            let native: Vec<&str> =
                list(values).filter(|key| key["rule"].is_null()).filter_map(|key| key["value"].as_str()).collect();
            said.texts(&format!("{}{kind}", own::KEY), &native);
        }
        said.text("gen_ai.response.id", native(row, KeyKind::ProviderRequest));
        said.text("gen_ai.task.id", native(row, KeyKind::Task).filter(|_| row["kind"] == "task"));
    }

    /// What the conventions name.
    fn named(&mut self, kind: &str, row: &Value, said: &mut Said) {
        let of = |name: &str| list(&row["events"]).find_map(|event| text(&event["turnscope"][name]));
        let noted = |name: &str| list(&row["events"]).find_map(|event| attribute(&event["turnscope"], name));
        match kind {
            "model" => {
                said.text("gen_ai.operation.name", Some("chat"));
                said.text("gen_ai.provider.name", of("provider"));
                said.text("gen_ai.request.model", noted("requested_model").or(of("model")));
                said.text("gen_ai.response.model", of("model"));
                said.texts("gen_ai.response.finish_reasons", noted("finish_reason").as_slice());
            }
            "tool" => {
                said.text("gen_ai.operation.name", Some("execute_tool"));
                said.text("gen_ai.tool.name", of("tool"));
                said.text("gen_ai.tool.call.id", native(row, KeyKind::ToolCall));
            }
            _ => {}
        }
        said.text("error.type", text(&row["error"]));
    }

    /// In the conventions input holds what was read from and written to a cache, and output holds what was thought.
    fn usage(&mut self, row: &Value, said: &mut Said) {
        let used = &row["tokens"];
        if !used.is_object() {
            return;
        }
        if row["flags"].as_i64().is_some_and(|flags| flags & flag::REPEATS_USAGE != 0) {
            return self.leave_out("rows whose tokens other rows count; theirs are left out");
        }
        let count = |name: &str| used[name].as_i64();
        // What is added to an unknown number is no number.
        let sum = |first: &str, more: &[&str]| {
            let more = more.iter().filter_map(|name| count(name));
            count(first).map(|first| more.fold(first, i64::saturating_add))
        };
        said.count("gen_ai.usage.input_tokens", sum("input", &["cache_read", "cache_write"]));
        said.count("gen_ai.usage.cache_read.input_tokens", count("cache_read"));
        said.count("gen_ai.usage.cache_write.input_tokens", count("cache_write"));
        said.count("gen_ai.usage.output_tokens", sum("output", &["reasoning"]));
        said.count("gen_ai.usage.reasoning.output_tokens", count("reasoning"));
    }

    fn bodies(&mut self, kind: &str, row: &Value, kept: &mut Kept, said: &mut Said) -> Result<()> {
        let mut told: Vec<&str> = Vec::new();
        for body in list(&row["events"]).flat_map(|event| list(&event["turnscope"]["bodies"])) {
            let role = body["role"].as_str().unwrap_or("");
            if matches!(role, "raw" | "metadata") {
                continue;
            }
            let Some(name) = attribute_of(kind, role) else {
                self.leave_out("bodies of a role that spans do not have");
                continue;
            };
            if told.contains(&name) {
                self.leave_out("further bodies of one role in one row");
                continue;
            }
            let Some(bytes) = self.body(body, kept)? else { continue };
            told.push(name);
            match name {
                "gen_ai.input.messages" => said.json(name, Some(&messages(&bytes, "user"))),
                "gen_ai.output.messages" => said.json(name, Some(&messages(&bytes, "assistant"))),
                "gen_ai.system_instructions" => said.json(name, Some(&Value::Array(parts(&value_of(&bytes).0)))),
                _ => said.text(name, std::str::from_utf8(&bytes).ok()),
            }
        }
        Ok(())
    }

    fn body(&mut self, body: &Value, kept: &mut Kept) -> Result<Option<Vec<u8>>> {
        let Some(Held { bytes, size, is_text }) = kept.body(body["sha256"].as_str().unwrap_or(""), LONGEST)? else {
            return Ok(None);
        };
        if !is_text || size > LONGEST {
            self.leave_out(if is_text { "bodies of more than 4 MiB" } else { "bodies that are no text" });
            return Ok(None);
        }
        Ok(Some(bytes))
    }

    fn attributes(&mut self, row: &Value) {
        if list(&row["events"]).any(|event| list(&event["turnscope"]["attributes"]).next().is_some()) {
            self.leave_out("rows with columns of their source beyond those that spans have");
        }
        if list(&row["events"]).any(|event| list(&event["turnscope"]["bodies"]).any(|body| body["role"] == "raw")) {
            self.leave_out("rows with their record as the source wrote it");
        }
    }

    /// The span around the attributes.
    fn whole(&mut self, kind: &str, row: &Value, said: Said) -> Value {
        let session = row["session"].as_str().unwrap_or("");
        let trace = native(row, KeyKind::Trace).filter(|id| is_id(id, 32)).map(str::to_ascii_lowercase);
        let trace = trace.unwrap_or_else(|| made(&["session", session])[..32].to_owned());
        let span = made(&["row", session, row["id"].as_str().unwrap_or("")])[..16].to_owned();
        let parent = row["parent"].as_u64().and_then(|place| self.ids.get(usize::try_from(place).ok()?).cloned());
        let mut whole = json!({ "traceId": trace, "spanId": span });
        match parent {
            Some((of, parent)) if of == trace => whole["parentSpanId"] = json!(parent),
            Some((of, parent)) => whole["links"] = json!([{ "traceId": of, "spanId": parent }]),
            None => {}
        }
        self.ids.push((trace, span));
        let plain = row["events"][0]["turnscope"]["event_type"].as_str().unwrap_or(kind);
        let (name, number) = match kind {
            "model" => (format!("chat {}", row["model"].as_str().unwrap_or("")), 3),
            "tool" => (format!("execute_tool {}", row["tool"].as_str().unwrap_or("")), 1),
            _ => (plain.to_owned(), 1),
        };
        whole["name"] = json!(name.trim_end());
        whole["kind"] = json!(number);
        if let Some(micros) = row["micros"].as_i64() {
            let start = i128::from(micros) * 1000 + i128::from(self.place(micros));
            let lasted = i128::from(row["latency"].as_i64().unwrap_or(0).max(0)) * 1000;
            whole["startTimeUnixNano"] = json!(start.to_string());
            whole["endTimeUnixNano"] = json!((start + lasted).to_string());
        }
        whole["attributes"] = Value::Array(said.list());
        whole["events"] = events(row);
        whole["status"] = match row["state"].as_str() {
            Some("error" | "bad") => json!({ "code": 2, "message": text(&row["error"]).unwrap_or("") }),
            _ => json!({ "code": 1 }),
        };
        whole
    }

    /// How many rows before it have the same time: so many nanoseconds keep them in their order.
    fn place(&mut self, micros: i64) -> i64 {
        self.before = if self.before.0 == micros { (micros, (self.before.1 + 1).min(999)) } else { (micros, 0) };
        self.before.1
    }
}

/// Where a body of a role stands, by the kind of the row.
fn attribute_of(kind: &str, role: &str) -> Option<&'static str> {
    Some(match (kind, role) {
        ("model", "input") => "gen_ai.input.messages",
        ("model", "output") => "gen_ai.output.messages",
        ("tool", "input") => "gen_ai.tool.call.arguments",
        ("tool", "output") => "gen_ai.tool.call.result",
        ("transcript", "input") => "gen_ai.prompt",
        (_, "input") => "input.value",
        (_, "output") => "output.value",
        (_, "system") => "gen_ai.system_instructions",
        (_, "tools") => "gen_ai.tool.definitions",
        _ => return None,
    })
}

/// The events of a row of several, so that a reader sees when what of it happened.
fn events(row: &Value) -> Value {
    let all: Vec<&Value> = list(&row["events"]).map(|event| &event["turnscope"]).collect();
    if all.len() < 2 {
        return json!([]);
    }
    let moment = |event: &&Value| {
        let mut said = Said::default();
        said.text("turnscope.event", event["id"].as_str());
        said.text("turnscope.status", text(&event["status"]));
        let at = event["at"].as_i64().map(|micros| (i128::from(micros) * 1000).to_string());
        json!({ "name": event["event_type"], "timeUnixNano": at, "attributes": said.list() })
    };
    all.iter().map(moment).collect()
}

/// The first value of a kind of key that a source wrote.
fn native(row: &Value, kind: KeyKind) -> Option<&str> {
    list(&row["keys"][kind.name()]).filter(|key| key["rule"].is_null()).find_map(|key| key["value"].as_str())
}

fn attribute<'a>(event: &'a Value, name: &str) -> Option<&'a str> {
    list(&event["attributes"]).find(|pair| pair[0] == name).and_then(|pair| text(&pair[1]))
}

fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Whether a text is an id of so many hex digits, and not only zeros.
fn is_id(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit()) && text.bytes().any(|byte| byte != b'0')
}

/// An id for what has none, the same each time.
fn made(parts: &[&str]) -> String {
    hex::encode(Sha256::digest(parts.join("\0")))
}
