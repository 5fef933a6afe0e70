//! Bodies as messages of the GenAI conventions: a role, and parts that are text, thought, a call or its result.

use serde_json::{Value, json};

use crate::timeline::{texts, value_of};

/// A body as a list of messages; what has no roles of its own is one message in `role`.
pub fn messages(bytes: &[u8], role: &str) -> Value {
    let (value, _) = value_of(bytes);
    let listed = if value["messages"].is_array() { &value["messages"] } else { &value };
    let has_roles = |items: &Vec<Value>| !items.is_empty() && items.iter().all(|item| item["role"].is_string());
    match listed.as_array().filter(|items| has_roles(items)) {
        Some(items) => {
            let message = |item: &Value| {
                let content = if item["parts"].is_null() { &item["content"] } else { &item["parts"] };
                let calls = item["tool_calls"].as_array().into_iter().flatten().map(part);
                let all: Vec<Value> = parts(content).into_iter().chain(calls).collect();
                json!({ "role": item["role"], "parts": all })
            };
            items.iter().map(message).collect()
        }
        None => json!([{ "role": role, "parts": parts(&value) }]),
    }
}

/// The parts of a message's content.
pub fn parts(content: &Value) -> Vec<Value> {
    match content {
        Value::Null => Vec::new(),
        Value::Array(items) if items.iter().any(Value::is_object) => items.iter().map(part).collect(),
        other => vec![part(other)],
    }
}

fn part(value: &Value) -> Value {
    if let Some(texts) = texts(value) {
        return text(&texts.join("\n"));
    }
    let first = |names: &[&str]| names.iter().map(|name| &value[*name]).find(|found| !found.is_null()).cloned();
    let function = &value["function"];
    match value["type"].as_str().unwrap_or("") {
        "thinking" | "reasoning" => match first(&["thinking", "reasoning", "content", "text"]) {
            Some(Value::String(thought)) => json!({ "type": "reasoning", "content": thought }),
            _ => text(&value.to_string()),
        },
        "tool_use" | "tool_call" | "tool-call" | "function_call" => json!({
            "type": "tool_call", "id": first(&["call_id", "tool_call_id", "toolCallId", "id"]),
            "name": first(&["name", "toolName"]), "arguments": first(&["arguments", "input", "args"]),
        }),
        "function" if function.is_object() => json!({
            "type": "tool_call", "id": value["id"], "name": function["name"], "arguments": function["arguments"],
        }),
        "tool_result" | "tool-result" | "tool_call_response" | "function_call_output" => json!({
            "type": "tool_call_response", "id": first(&["tool_use_id", "tool_call_id", "toolCallId", "call_id", "id"]),
            "response": first(&["content", "response", "result", "output"]),
        }),
        _ => text(&value.to_string()),
    }
}

fn text(content: &str) -> Value {
    json!({ "type": "text", "content": content })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_many_dialects_are_messages() {
        assert_eq!(
            messages(b"\"hi\"", "user"),
            json!([{ "role": "user", "parts": [{ "type": "text", "content": "hi" }] }])
        );
        assert_eq!(messages(b"no JSON", "user")[0]["parts"][0]["content"], "no JSON");
        let blocks = br#"[{"type":"thinking","thinking":"hm"},{"type":"text","text":"a"},{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"ls"}}]"#;
        let said = messages(blocks, "assistant");
        assert_eq!(said[0]["role"], "assistant");
        assert_eq!(
            said[0]["parts"],
            json!([
                { "type": "reasoning", "content": "hm" }, { "type": "text", "content": "a" },
                { "type": "tool_call", "id": "t1", "name": "Bash", "arguments": { "command": "ls" } },
            ])
        );
        let chat = br#"{"messages":[{"role":"system","content":"be brief"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","content":[{"type":"tool_result","tool_use_id":"c","content":"ok"}]}]}"#;
        let said = messages(chat, "user");
        assert_eq!(said[0], json!({ "role": "system", "parts": [{ "type": "text", "content": "be brief" }] }));
        assert_eq!(said[1]["parts"], json!([{ "type": "tool_call", "id": "c", "name": "f", "arguments": "{}" }]));
        assert_eq!(said[2]["parts"], json!([{ "type": "tool_call_response", "id": "c", "response": "ok" }]));
        assert_eq!(messages(br#"{"other":[1]}"#, "user")[0]["parts"][0]["content"], r#"{"other":[1]}"#);
    }
}
