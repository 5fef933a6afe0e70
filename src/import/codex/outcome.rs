//! How a tool call went: exit codes and failures in the many forms that Codex wrote them.

use std::borrow::Cow;

use crate::domain::{Event, Outline, Shape, Value, excerpt, flag};
use crate::import::telling;

/// Openings of an output that Codex wrote itself because the call failed.
const FAILED: &[&str] = &[
    "tool call error",
    "execution error",
    "failed in sandbox",
    "patch rejected",
    "error: Failed to",
    "failed to parse function arguments",
    "unsupported call",
    "aborted by user",
];
/// What Codex writes where it has cut an output.
const CUT: &[&str] = &[" tokens truncated…", " chars truncated…", " lines truncated…", "[... omitted "];
/// Where the exit code stands in the lines above the output.
const CODES: &[&str] = &["Process exited with code ", "Exit code: ", "exit code "];
/// How much of an output may be head lines.
const LONGEST_HEAD: usize = 2048;
const LONGEST_ERROR: usize = 500;

/// What a record tells of a call's end.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Outcome {
    pub exit_code: Option<i64>,
    pub failed: bool,
    pub running: bool,
    pub cut: bool,
    /// Microseconds.
    pub took: Option<i64>,
    /// What the tool wrote, without the lines above it.
    pub text: Option<String>,
}

impl Outcome {
    /// Sets status, label, error and duration of a result.
    pub fn apply(self, event: &mut Event) {
        let failed = self.failed || self.exit_code.is_some_and(|code| code != 0);
        let status = if failed {
            "error"
        } else if self.running {
            "running"
        } else {
            "ok"
        };
        event.status = Some(status.to_owned());
        if let Some(code) = self.exit_code {
            event.attributes.push(("exit_code".to_owned(), code.to_string()));
        }
        if failed {
            event.flags |= flag::ERROR;
            let code = self.exit_code.map(|code| format!("exit code {code}"));
            let said = self.text.as_deref().map(|text| excerpt(text, LONGEST_ERROR)).filter(|text| !text.is_empty());
            event.error = said.or(code);
        }
        if self.cut {
            event.flags |= flag::TRUNCATED;
        }
        event.latency = event.latency.or(self.took);
        if let Some(text) = self.text {
            let label = telling::label(&text);
            event.label = if label.is_empty() { "(no output)".to_owned() } else { label };
        }
    }
}

/// The outcome that a call's output tells; without any sign of a failure it went well.
pub fn of_output(item: Value<'_>, output: Option<Value<'_>>) -> Outcome {
    let mut outcome = of_account(item);
    let Some(output) = output else { return outcome };
    if output.shape() == Shape::Object {
        let inner = of_account(output);
        outcome.failed |= inner.failed;
        outcome.exit_code = outcome.exit_code.or(inner.exit_code);
    }
    let text = telling::first_text(output);
    let text = text.or_else(|| telling::any_text(output).map(Cow::Owned)).unwrap_or_default();
    read_text(&mut outcome, &text);
    outcome
}

fn read_text(outcome: &mut Outcome, text: &str) {
    if text.starts_with('{')
        && let Some(inner) = Outline::of(text.as_bytes()).ok().filter(|inner| inner.root().get("metadata").is_some())
    {
        return read_json(outcome, inner.root());
    }
    let (head, written) = split_head(text);
    outcome.exit_code = outcome.exit_code.or_else(|| exit_code(head));
    outcome.running = head.lines().any(|line| line.starts_with("Process running with session ID"));
    outcome.took = head.lines().find_map(wall_time);
    outcome.failed |= FAILED.iter().any(|opening| text.starts_with(opening));
    outcome.cut = telling::holds(text, CUT);
    outcome.text = Some(written.to_owned());
}

/// An output that is itself JSON, as the versions of 2025 wrote it.
fn read_json(outcome: &mut Outcome, root: Value<'_>) {
    outcome.exit_code = root.at(&["metadata", "exit_code"]).and_then(Value::integer).or(outcome.exit_code);
    outcome.took = root.at(&["metadata", "duration_seconds"]).and_then(Value::number).map(microseconds);
    let written = root.text_at(&["output"]).unwrap_or_default();
    outcome.cut = telling::holds(&written, CUT);
    outcome.text = Some(written.into_owned());
}

/// The lines that Codex wrote above the output, and the output; without such lines all is output.
fn split_head(text: &str) -> (&str, &str) {
    const OPENINGS: [&str; 5] = ["Chunk ID:", "Wall time:", "Exit code:", "Command:", "Process "];
    if !OPENINGS.iter().any(|opening| text.starts_with(opening)) {
        return ("", text);
    }
    match text.find("\nOutput:") {
        Some(at) if at < LONGEST_HEAD => (&text[..at], text[at..].trim_start_matches("\nOutput:").trim_start()),
        _ => (text, text),
    }
}

fn exit_code(head: &str) -> Option<i64> {
    head.lines().find_map(|line| {
        let rest = CODES.iter().find_map(|opening| line.trim().strip_prefix(opening))?;
        rest.split_whitespace().next()?.parse().ok()
    })
}

fn wall_time(line: &str) -> Option<i64> {
    let seconds = line.strip_prefix("Wall time:")?.trim().strip_suffix("seconds")?.trim().parse().ok()?;
    Some(microseconds(seconds))
}

fn microseconds(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}

/// The outcome that fields of a record tell.
pub fn of_account(item: Value<'_>) -> Outcome {
    let integer = |name: &str| item.get(name).and_then(Value::integer);
    let refused = ["success", "isSuccess"].iter().any(|name| item.get(name).and_then(Value::bool) == Some(false));
    let status = item.word("status");
    let result = item.get("result");
    let erred = result.is_some_and(|result| {
        result.get("Err").is_some() || result.at(&["Ok", "isError"]).and_then(Value::bool) == Some(true)
    });
    let code = integer("exit_code").or_else(|| integer("exitCode"));
    let is_failure = |status: &str| matches!(status, "failed" | "error" | "declined");
    Outcome {
        exit_code: code.or_else(|| item.at(&["metadata", "exit_code"]).and_then(Value::integer)),
        failed: refused || erred || status.as_deref().is_some_and(is_failure),
        ..Outcome::default()
    }
}

/// A duration written as whole seconds and nanoseconds.
pub fn duration(item: Value<'_>) -> Option<i64> {
    let seconds = item.at(&["duration", "secs"]).and_then(Value::integer)?;
    let nanoseconds = item.at(&["duration", "nanos"]).and_then(Value::integer).unwrap_or(0);
    seconds.checked_mul(1_000_000)?.checked_add(nanoseconds / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(output: &str) -> Outcome {
        let record = format!("{{\"output\":{output}}}");
        let outline = Outline::of(record.as_bytes()).expect("valid");
        of_output(outline.root(), outline.root().get("output"))
    }

    #[test]
    fn exit_codes_are_found_in_every_form() {
        let chunk = outcome(
            r#""Chunk ID: a\nWall time: 0.25 seconds\nProcess exited with code 2\nOriginal token count: 5\nOutput:\nno such file""#,
        );
        assert_eq!(
            (chunk.exit_code, chunk.took, chunk.text.as_deref()),
            (Some(2), Some(250_000), Some("no such file"))
        );
        let json = outcome(r#""{\"output\":\"bad\",\"metadata\":{\"exit_code\":1,\"duration_seconds\":1.5}}""#);
        assert_eq!((json.exit_code, json.took, json.text.as_deref()), (Some(1), Some(1_500_000), Some("bad")));
        assert_eq!(outcome(r#""Exit code: 0\nWall time: 0.1 seconds\nOutput:\nSuccess.""#).exit_code, Some(0));
        assert!(outcome(r#"{"content":"x","success":false}"#).failed);
        assert!(outcome(r#""failed in sandbox: denied""#).failed);
    }

    #[test]
    fn a_text_that_speaks_of_exit_codes_has_none() {
        let plain = outcome(r#""the manual says:\nExit code: 3""#);
        assert_eq!((plain.exit_code, plain.failed), (None, false));
    }
}
