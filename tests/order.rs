//! In whichever order the files of a session come in, and however often: the same sessions, timelines and findings.

mod server;

#[path = "cli/desk.rs"]
#[expect(dead_code, reason = "the desk is shared, and no crate uses all of it")]
mod desk;
#[path = "order/arrival.rs"]
mod arrival;
#[path = "order/agents.rs"]
mod agents;
#[path = "order/traces.rs"]
mod traces;
#[path = "order/reports.rs"]
mod reports;
#[path = "order/slices.rs"]
mod slices;
#[path = "order/growing.rs"]
mod growing;
#[path = "order/real.rs"]
mod real;
