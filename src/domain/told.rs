//! Tool calls that a message tells of: the rules that read them, which stand on their keys, and the turn they are in.

use super::Phase;

/// A model's answer makes the call.
pub const CALL: &str = "otel.call_in_output";
/// A model's input brings the result.
pub const RESULT: &str = "otel.result_in_input";

/// Which half of a call an event is by the rule of its key; `None` where no message told of it.
pub fn half(rule: &str) -> Option<Phase> {
    match rule {
        CALL => Some(Phase::Call),
        RESULT => Some(Phase::Result),
        _ => None,
    }
}

/// The turn of a tool call of a trace, by its id; the trace is empty where there is none.
pub fn turn(trace: &str, call: &str) -> String {
    format!("tool:{trace}:{call}")
}
