//! A session in which everything means harm: markup, sequences that steer a terminal, text that runs backwards.

use serde_json::{Value, json};

/// What would run or steer if anything in it did.
pub const HARM: [&str; 7] = [
    "</script><script>window.harmed = 1</script>",
    "<img src=x onerror=\"window.harmed = 1\">",
    "<!--<script>window.harmed = 1//",
    "]]></script><svg onload=window.harmed=1>",
    "\u{1b}]52;c;aGFybQ==\u{7}\u{1b}[31mred\u{9b}2J",
    "\u{202e}txt.exe\u{2066} zero\u{200b}width",
    "javascript:window.harmed=1",
];

/// A model turn with everything bad in every place: ids, names, texts, arguments, results.
pub fn lines(image: &str) -> Vec<Value> {
    let harm = HARM.join(" ");
    let line = |kind: &str, id: &str, second: u32, message: Value| {
        json!({"type": kind, "uuid": format!("{id}{harm}"), "sessionId": "bad", "cwd": format!("/home/{}", HARM[1]),
            "gitBranch": HARM[0], "timestamp": format!("2026-01-01T00:00:{second:02}Z"), "message": message})
    };
    vec![
        line("user", "u", 0, json!({"role": "user", "content": harm})),
        line(
            "assistant",
            "a",
            1,
            json!({"id": "m", "role": "assistant", "model": HARM[1], "content": [
            {"type": "text", "text": harm}, {"type": "tool_use", "id": HARM[0], "name": HARM[1], "input": {HARM[0]: harm}},
        ], "usage": {"input_tokens": 1, "output_tokens": 2}}),
        ),
        line(
            "user",
            "r",
            2,
            json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": HARM[0], "content": [
                {"type": "text", "text": harm},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": image}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/svg+xml", "data": image.get(..1000).unwrap_or(image)}},
            ]}]}),
        ),
    ]
}
