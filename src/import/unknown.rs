//! Any text of JSON values, of an agent that turnscope does not know: told by the words that most formats share.

use serde::{Deserialize, Serialize};

use super::{Draft, Format, Open, Opening, Reader, Record, telling};
use crate::domain::{
    Event, Key, KeyKind, Kind, Outline, Phase, Role, Session, Shape, Timestamp, TitleWorth, Usage, UsageSource, Value,
    excerpt, flag,
};

pub const FORMAT: Format = Format { agent: AGENT, detect, open: Open::Records(open) };

const AGENT: &str = "unknown";
/// The names of a call's id, its arguments and its outcome.
const CALL_ID: [&str; 7] = ["tool_call_id", "toolCallId", "tool_use_id", "call_id", "callId", "callID", "id"];
const INPUT: [&str; 6] = ["input", "arguments", "args", "parameters", "params", "command"];
const OUTPUT: [&str; 6] = ["output", "result", "value", "response", "content", "text"];
/// A digest `{"v":1,"agent":…}` has fresh input and all output on each answer.
const DIGEST_RULE: &str = "digest.tokens";
const LONGEST_TITLE: usize = 80;

fn detect(_head: &[Outline]) -> bool {
    true
}

fn open(opening: &Opening<'_>) -> Box<dyn Reader> {
    let saved = opening.saved.and_then(|saved| serde_json::from_str(saved).ok());
    Box::new(saved.unwrap_or_else(|| Unknown { id: opening.stem.to_owned(), ..Unknown::default() }))
}

/// Reads one file; this is also its state.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Unknown {
    id: String,
    /// The start of the first prompt.
    prompt: Option<String>,
    /// When that was.
    prompted: Option<Timestamp>,
    cwd: Option<String>,
}

impl Reader for Unknown {
    fn read(&mut self, record: &Record<'_>) -> Vec<Draft> {
        let root = record.outline.root();
        self.cwd = self.cwd.take().or_else(|| root.word("cwd"));
        match Speaker::of(root) {
            Speaker::User => self.prompt(root),
            Speaker::Model => self.answer(root),
            Speaker::Tool => vec![self.tool(root, root)],
            Speaker::System => vec![self.system(root)],
            Speaker::Other => vec![self.other(root)],
        }
    }

    fn sessions(&self) -> Vec<Session> {
        let last_part = |path: &String| path.rsplit(['/', '\\']).find(|part| !part.is_empty()).map(str::to_owned);
        vec![Session {
            id: self.id.clone(),
            lineage: self.id.clone(),
            title: self.prompt.clone(),
            title_worth: TitleWorth::asked(self.prompted),
            agent: AGENT.to_owned(),
            project: self.cwd.as_ref().and_then(last_part),
            cwd: self.cwd.clone(),
            ..Session::default()
        }]
    }

    fn save(&self) -> String {
        serde_json::to_string(self).expect("the state is texts")
    }
}

/// Who a record is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaker {
    User,
    Model,
    Tool,
    System,
    Other,
}

impl Speaker {
    fn of(root: Value<'_>) -> Self {
        let message = root.get("message").and_then(|message| message.word("role"));
        let names = [root.word("role"), message, root.word("type")];
        let told = names.iter().flatten().map(|name| Self::named(name)).find(|speaker| *speaker != Self::Other);
        told.unwrap_or(Self::Other)
    }

    fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "user" | "human" | "user_message" | "user.message" => Self::User,
            "assistant" | "ai" | "model" | "gemini" | "assistant_message" | "assistant.message" => Self::Model,
            "system" | "developer" => Self::System,
            "tool"
            | "function"
            | "tool_call"
            | "tool_use"
            | "tool_result"
            | "toolresult"
            | "function_call"
            | "function_result"
            | "function_call_output"
            | "tool_output" => Self::Tool,
            _ => Self::Other,
        }
    }
}

/// What was said: under the name that the format has for it.
fn content_of(root: Value<'_>) -> Option<Value<'_>> {
    let message = root.get("message");
    let inner = |name: &str| message.and_then(|message| message.get(name));
    let places = [root.get("content"), inner("content"), inner("parts"), inner("text"), message];
    let places = places.into_iter().chain([root.get("text"), root.get("parts")]);
    places.flatten().find(|value| !value.is_null())
}

/// Blocks and lists in which records of one side name their tools.
fn tool_blocks(root: Value<'_>) -> Vec<Value<'_>> {
    let content = content_of(root).filter(|content| content.shape() == Shape::Array);
    let message = root.get("message");
    let lists = [content, root.get("tool_calls"), message.and_then(|message| message.get("tool_calls"))];
    let blocks = lists.into_iter().flatten().flat_map(Value::items);
    blocks.filter(|block| is_tool(*block)).collect()
}

fn is_tool(block: Value<'_>) -> bool {
    let kind = block.word("type").unwrap_or_default().to_ascii_lowercase().replace('-', "_");
    let function = block.get("function").is_some() || block.get("functionCall").is_some();
    kind.contains("tool_use") || kind.contains("tool_call") || kind.contains("tool_result") || function
}

impl Unknown {
    fn base(&self, root: Value<'_>, kind: Kind) -> Event {
        let name = root.word("type").or_else(|| root.word("role"));
        let name = name.or_else(|| root.get("message").and_then(|message| message.word("role")));
        let mut event = Event::new(kind, AGENT, &name.unwrap_or_else(|| "record".to_owned()));
        event.session.clone_from(&self.id);
        let names = ["timestamp", "ts", "created_at", "createdAt", "time"];
        event.at = names.iter().find_map(|name| telling::time(root.get(name)?));
        telling::note_time(&mut event, names.iter().find_map(|name| root.get(name)));
        for name in ["sessionId", "session_id", "sessionID"] {
            event.keys.extend(root.word(name).map(|id| Key::native(KeyKind::Session, id)));
        }
        event.model = root.word("model").or_else(|| root.get("message").and_then(|message| message.word("model")));
        event
    }

    fn prompt(&mut self, root: Value<'_>) -> Vec<Draft> {
        let content = content_of(root);
        let tools = self.tools_beside(root);
        let text = content.and_then(spoken);
        if text.is_none() && !tools.is_empty() {
            return tools;
        }
        let mut event = self.base(root, Kind::Transcript);
        event.participant = Some("user".to_owned());
        event.label = telling::label(&text.unwrap_or_default());
        if self.prompt.is_none() && !event.label.is_empty() {
            self.prompt = Some(excerpt(&event.label, LONGEST_TITLE));
            self.prompted = event.at;
        }
        let mut drafts = vec![with_body(event, Role::Input, content)];
        drafts.extend(tools);
        drafts
    }

    fn answer(&mut self, root: Value<'_>) -> Vec<Draft> {
        let content = content_of(root);
        let tools = self.tools_beside(root);
        let mut event = self.base(root, Kind::Model);
        let names: Vec<_> = tools.iter().filter_map(|draft| draft.event.tool.clone()).collect();
        let text = content.and_then(spoken);
        event.label = telling::label(&text.unwrap_or_else(|| format!("calls {}", names.join(", "))));
        let message = root.get("message").and_then(|message| message.word("id")).or_else(|| root.word("id"));
        event.keys.extend(message.map(|id| Key::native(KeyKind::Message, id)));
        event.usage = digest_usage(root);
        if event.usage.is_some() {
            telling::note_tokens(&mut event, root, &["input_tokens", "output_tokens"]);
        }
        for draft in &tools {
            event.keys.extend(draft.event.keys.iter().filter(|key| key.kind == KeyKind::ToolCall).cloned());
        }
        let mut drafts = vec![with_body(event, Role::Output, content)];
        drafts.extend(tools);
        drafts
    }

    fn tools_beside(&self, root: Value<'_>) -> Vec<Draft> {
        let mut drafts: Vec<_> = tool_blocks(root).into_iter().map(|block| self.tool(root, block)).collect();
        for (place, draft) in drafts.iter_mut().enumerate() {
            draft.event.id = format!("#tool:{place}");
        }
        drafts
    }

    /// A call, a result, or both in one.
    fn tool(&self, root: Value<'_>, block: Value<'_>) -> Draft {
        let call = ["function", "functionCall"].iter().find_map(|name| block.get(name)).unwrap_or(block);
        let mut event = self.base(root, Kind::Tool);
        let kind = block.word("type").unwrap_or_else(|| event.event_type.clone());
        let is_result = ["result", "output", "response"].iter().any(|part| kind.contains(part))
            || block.get("tool_call_id").is_some()
            || block.get("tool_use_id").is_some();
        let input = INPUT.iter().find_map(|name| call.get(name)).filter(|_| !is_result);
        let outcome = block.get("result").or_else(|| block.get("output"));
        let output = outcome.or_else(|| OUTPUT.iter().find_map(|name| block.get(name)).filter(|_| is_result));
        event.event_type = kind;
        event.tool = ["name", "toolName", "tool_name", "tool"].iter().find_map(|name| call.word(name));
        let id = CALL_ID.iter().find_map(|name| block.word(name).or_else(|| call.word(name)));
        event.turn = id.as_ref().map(|id| format!("tool:{id}"));
        event.phase = match (&event.turn, is_result, output) {
            (None, ..) => Phase::Whole,
            (Some(_), true, _) => Phase::Result,
            (Some(_), false, None) => Phase::Call,
            (Some(_), false, Some(_)) => Phase::Whole,
        };
        event.keys.extend(id.map(|id| Key::native(KeyKind::ToolCall, id)));
        judge(&mut event, block, output);
        event.label = match (output.filter(|_| is_result), &event.tool) {
            (Some(output), _) => telling::label(&telling::any_text(output).unwrap_or_default()),
            (None, Some(tool)) => telling::call_label(tool, input),
            (None, None) => telling::label(&telling::any_text(block).unwrap_or_default()),
        };
        with_body(event, Role::Input, input).also(Role::Output, output)
    }

    fn system(&self, root: Value<'_>) -> Draft {
        let content = content_of(root);
        let mut event = self.base(root, Kind::Other);
        let text = content.and_then(spoken).or_else(|| telling::any_text(root));
        event.label = telling::label(&text.unwrap_or_default());
        with_body(event, Role::System, content)
    }

    fn other(&self, root: Value<'_>) -> Draft {
        let mut event = self.base(root, Kind::Other);
        event.flags |= flag::UNKNOWN;
        let text = telling::any_text(root);
        event.label = telling::label(&text.unwrap_or_else(|| String::from_utf8_lossy(root.kept()).into_owned()));
        if event.event_type == "error" {
            event.flags |= flag::ERROR;
            event.status = Some("error".to_owned());
            event.error = Some(event.label.clone());
        }
        Draft::new(event)
    }
}

/// The first text that is no tool's.
fn spoken(content: Value<'_>) -> Option<String> {
    let filled = |text: &String| !text.trim().is_empty();
    if content.shape() != Shape::Array {
        return telling::first_text(content).map(|text| text.into_owned()).filter(filled);
    }
    let blocks = content.items().filter(|block| !is_tool(*block));
    let texts = blocks.filter_map(|block| telling::first_text(block).or_else(|| block.text_at(&["thinking"])));
    texts.map(|text| text.into_owned()).find(filled)
}

/// The tokens that a digest of a session has on its records; other formats' usage is not guessed at.
fn digest_usage(root: Value<'_>) -> Option<Usage> {
    let count = |name: &str| root.get(name).and_then(telling::tokens);
    let is_digest = root.get("v").is_some() && root.get("agent").is_some();
    let mut usage = Usage::new(DIGEST_RULE, UsageSource::Provider);
    usage.input = count("input_tokens").filter(|_| is_digest);
    usage.output = count("output_tokens").filter(|_| is_digest);
    usage.total().map(|_| usage)
}

/// Says whether a result was an error, where the record says so in a common way.
fn judge(event: &mut Event, block: Value<'_>, output: Option<Value<'_>>) {
    let is_set = |name: &str| block.get(name).and_then(Value::bool) == Some(true);
    let status = block.word("status").or_else(|| output.and_then(|output| output.word("status")));
    let failed = is_set("is_error")
        || is_set("isError")
        || status.as_deref().is_some_and(|status| matches!(status, "error" | "failed" | "failure"));
    if failed {
        event.flags |= flag::ERROR;
        event.error = output.and_then(telling::any_text).map(|text| excerpt(&text, 500));
    }
    event.status = if failed { Some("error".to_owned()) } else { status };
}

fn with_body(event: Event, role: Role, value: Option<Value<'_>>) -> Draft {
    Draft::new(event).also(role, value)
}

/// Adds a body where there is one.
trait Also {
    fn also(self, role: Role, value: Option<Value<'_>>) -> Self;
}

impl Also for Draft {
    fn also(self, role: Role, value: Option<Value<'_>>) -> Self {
        match value.filter(|value| !value.is_null()) {
            Some(value) => self.with(role, value.range()),
            None => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::corpus::{assert_same_in_parts, read_text};
    use super::*;

    fn kinds(drafts: &[Draft]) -> Vec<(Kind, &str)> {
        drafts.iter().map(|draft| (draft.event.kind, draft.event.label.as_str())).collect()
    }

    #[test]
    fn roles_and_types_tell_who_speaks() {
        let text = concat!(
            r#"{"timestamp":"2026-01-01T00:00:00Z","role":"user","content":"hello","model":"m1"}"#,
            "\n",
            r#"{"created_at":1767225601,"role":"assistant","content":"hi"}"#,
            "\n",
            r#"{"type":"tool_call","id":"c1","name":"ls","arguments":{"path":"/tmp"}}"#,
            "\n",
            r#"{"type":"tool_result","tool_call_id":"c1","output":"nothing","status":"error"}"#,
            "\n",
            r#"{"type":"weather","note":{"text":"rain"}}"#,
            "\n",
            "42\n"
        );
        let (drafts, reader) = read_text("/tmp/some.log.jsonl", text);
        assert_eq!(
            kinds(&drafts),
            [
                (Kind::Transcript, "hello"),
                (Kind::Model, "hi"),
                (Kind::Tool, "ls /tmp"),
                (Kind::Tool, "nothing"),
                (Kind::Other, "rain"),
                (Kind::Other, "42"),
            ]
        );
        assert_eq!(drafts[1].event.at.map(|at| at.rfc3339()).as_deref(), Some("2026-01-01T00:00:01.000000Z"));
        assert_eq!((drafts[2].event.phase, drafts[3].event.phase), (Phase::Call, Phase::Result));
        assert!(drafts[3].event.has(flag::ERROR) && drafts[4].event.has(flag::UNKNOWN));
        let session = &reader.sessions()[0];
        assert_eq!((session.id.as_str(), session.title.as_deref()), ("some.log", Some("hello")));
        assert_same_in_parts("/tmp/some.log.jsonl", text);
    }

    #[test]
    fn a_digest_has_calls_with_their_results_inside() {
        let text = r#"{"v":1,"agent":"x","type":"assistant","ts":"2026-01-01T00:00:00Z","id":"m1","input_tokens":3,"output_tokens":9,"content":[{"type":"text","text":"look"},{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"ls"},"result":{"output":"a","status":"success"}}]}"#;
        let (drafts, _) = read_text("/tmp/digest.jsonl", text);
        assert_eq!(kinds(&drafts), [(Kind::Model, "look"), (Kind::Tool, "Bash ls")]);
        assert_eq!(drafts[0].event.usage.as_ref().and_then(Usage::total), Some(12));
        let roles: Vec<_> = drafts[1].bodies.iter().map(|(role, _)| *role).collect();
        assert_eq!(roles, [Role::Input, Role::Output]);
        assert_eq!(drafts[1].event.phase, Phase::Whole);
    }
}
