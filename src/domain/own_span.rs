//! What turnscope calls in its own spans that for which the conventions have no name: written when rows leave as
//! spans, read when they come back.

/// The row's id; a span that has it was written by turnscope.
pub const ROW: &str = "turnscope.row";
/// What the row is, by the name of its kind.
pub const KIND: &str = "turnscope.kind";
/// How many rows stand before it, which orders those of one time.
pub const PLACE: &str = "turnscope.place";
/// Whether the row is a turn.
pub const TURN: &str = "turnscope.turn";
pub const LABEL: &str = "turnscope.label";
pub const STATUS: &str = "turnscope.status";
pub const EVENT_TYPE: &str = "turnscope.event_type";
pub const PARTICIPANT: &str = "turnscope.participant";
/// Microseconds; not there where the row has none.
pub const LATENCY: &str = "turnscope.latency";
/// Before the name of a kind of key: all values of that kind, as a list.
pub const KEY: &str = "turnscope.key.";
