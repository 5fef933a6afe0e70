//! Rows of the original system's tables: what their columns say, whoever brings them, a document or a recorder.
//!
//! A row that was recorded and the same row read from a document are the same event.

pub mod ids;
pub mod payload;
pub mod row;
pub mod rows;
mod provider;

/// The agent's name of sessions that are made of such rows.
pub const AGENT: &str = "present";
