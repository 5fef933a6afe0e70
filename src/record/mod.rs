//! Records what agents do as they do it: what was acknowledged is on the disk, what could not be kept leaves a gap.
//!
//! - A [`Recorder`] is what an agent calls: it takes whole events without making the agent wait for the disk, and
//!   [`Recorder::flush`] says what became of them. What there is no room for waits in a journal beside the store.
//! - A [`Committer`] stores what many callers hand in, and answers each after the commit that holds its own. The
//!   recorder stands on it, and so does whoever receives events from elsewhere.
//!
//! An agent that records what it does, with one event of every emitter that the original knows:
//!
//! ```
//! use std::time::Duration;
//!
//! use serde_json::json;
//! use turnscope::domain::Timestamp;
//! use turnscope::record::{Flushed, Item, Policy, Recorder, json as raw};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let runtime = tokio::runtime::Runtime::new()?;
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("agent.db");
//! # runtime.block_on(async {
//! let recorder = Recorder::open(&path, Policy::from_env()).await?;
//! // Whoever ends the process with SIGTERM or Ctrl-C loses nothing.
//! recorder.close_on_signals();
//!
//! // Both halves of a model call share a base, and so become one turn.
//! let call = |status: &str, sequence| Item {
//!     base: Some("call-1".into()),
//!     room: Some("standup".into()),
//!     request_id: Some("request-1".into()),
//!     session_id: Some("canvas-agent-1772445660123-k3x9qa".into()),
//!     sequence: Some(sequence),
//!     model: Some("claude-haiku-4-5".into()),
//!     ..Item::model("canvas_runner", "model_call", status)
//! };
//! let started = Item {
//!     system_prompt: Some("You draw on a canvas.".into()),
//!     tools: Some(raw(&json!([{"name": "create_shape", "parameters": {"type": "object"}}]))?),
//!     input: Some(raw(&json!([{"role": "user", "content": "Draw a retro board"}]))?),
//!     ..call("started", 1)
//! };
//! recorder.record(started).await?;
//!
//! let completed = Item {
//!     output: Some(raw(&json!({"textContent": "Drawn.", "toolCalls": [{"id": "c1", "name": "create_shape"}]}))?),
//!     usage: Some(raw(&json!({"inputTokens": 1180, "outputTokens": 22, "totalTokens": 1202}))?),
//!     latency_ms: Some(640),
//!     time_to_first_token_ms: Some(120),
//!     ..call("completed", 2)
//! };
//! recorder.record(completed).await?;
//!
//! // A tool's call and its result share the id of the call.
//! for (status, output) in [("queued", None), ("completed", Some(raw(&json!({"shape": "box"}))?))] {
//!     let tool = Item::tool("canvas_runner", "tool_call", status, "create_shape");
//!     let (room, tool_call_id) = (Some("standup".into()), Some("c1".into()));
//!     recorder.record(Item { room, tool_call_id, output, ..tool }).await?;
//! }
//!
//! // The other emitters.
//! for (source, event_type, status) in [
//!     ("voice_agent", "conversation_item_added", "assistant"),
//!     ("transcription_agent", "transcript_final", "captured"),
//!     ("voice_transcript", "transcript_final", "captured"),
//!     ("orchestration_agent", "fairy_route_decision", "completed"),
//!     ("fairy_router", "model_call", "completed"),
//!     ("fast_crowd_pulse_steward", "model_call", "completed"),
//!     ("fast_summary_steward", "model_call", "fallback"),
//!     ("fast_debate_steward", "model_call", "error"),
//! ] {
//!     let item = Item::model(source, event_type, status);
//!     let error = (status == "error").then(|| "no answer in time".into());
//!     recorder.record(Item { room: Some("standup".into()), error, at: Timestamp::parse("2026-03-02T10:00:00Z"), ..item }).await?;
//! }
//! let task = Item::tool("conductor_worker", "task_execute", "succeeded", "fairy.intent");
//! let task_id = Some("0b7f7f0e-2f0c-4f7e-8b53-6a4f6f2c1d11".to_owned());
//! recorder.record(Item { room: Some("standup".into()), tool_call_id: task_id.clone(), task_id, ..task }).await?;
//! let reported = Item::external("agent_end", Some(raw(&json!({"room": "standup", "ok": true}))?));
//! recorder.record(Item { room: Some("standup".into()), ..reported }).await?;
//!
//! // Now it is on the disk, or this says that it is not.
//! let flush = recorder.flush(Duration::from_secs(10)).await;
//! assert_eq!((flush.status, flush.stored), (Flushed::Flushed, 14));
//! recorder.close().await;
//! println!("turnscope --store {}", path.display());
//! # let store = turnscope::store::Store::open(&path).await?;
//! # let session = store.session("room:standup").await?.expect("recorded");
//! # assert_eq!((session.events, session.turns, session.tokens.total), (14, 3, Some(1202)));
//! # Ok(())
//! # })
//! # }
//! ```

mod committer;
#[cfg(test)]
mod faults;
mod figures;
mod folder;
mod gap;
mod group;
mod item;
mod journal;
mod later;
mod outcome;
mod policy;
mod pump;
mod quarantine;
mod queue;
mod recorder;
mod row;

pub use committer::{Committer, GroupPolicy};
pub use figures::{COMMIT_BUCKETS, Figures};
pub use group::RECORDER;
pub use item::{Item, Priority, Table, json};
pub use outcome::{Outcome, Refusal};
pub use policy::{Limits, Overflow, Policy};
pub use quarantine::{Quarantined, quarantined, redrive};
pub use recorder::{Flush, Flushed, Recorder, Refused, Taken};
pub use row::{Record, Told, session};
