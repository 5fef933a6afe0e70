//! Attributes of a span as OTLP writes them in JSON.

use serde_json::{Value, json};

/// A list of attributes; what is unknown is left out.
#[derive(Debug, Default)]
pub struct Said(Vec<Value>);

impl Said {
    fn push(&mut self, name: &str, value: Value) {
        self.0.push(json!({ "key": name, "value": value }));
    }

    pub fn text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.push(name, json!({ "stringValue": text }));
        }
    }

    /// Whole numbers are texts, since JavaScript's numbers do not hold all of them.
    pub fn count(&mut self, name: &str, count: Option<i64>) {
        if let Some(count) = count {
            self.push(name, json!({ "intValue": count.to_string() }));
        }
    }

    pub fn truth(&mut self, name: &str, truth: bool) {
        self.push(name, json!({ "boolValue": truth }));
    }

    pub fn texts(&mut self, name: &str, texts: &[&str]) {
        if !texts.is_empty() {
            let values: Vec<Value> = texts.iter().map(|text| json!({ "stringValue": text })).collect();
            self.push(name, json!({ "arrayValue": { "values": values } }));
        }
    }

    pub fn json(&mut self, name: &str, value: Option<&Value>) {
        if let Some(value) = value {
            self.text(name, Some(&value.to_string()));
        }
    }

    pub fn list(self) -> Vec<Value> {
        self.0
    }
}
