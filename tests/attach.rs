//! The original's database as it stands: told from others, read without a trace, brought over row by row.
//!
//! Each test makes a database of its own on the server that `TURNSCOPE_TEST_SERVER` names; `tests/cluster` starts one.

mod server;

#[path = "attach/database.rs"]
mod database;
#[path = "cli/desk.rs"]
#[expect(dead_code, reason = "the desk is shared, and no crate uses all of it")]
mod desk;
#[path = "present/example.rs"]
mod example;
#[path = "terminal/harness.rs"]
#[expect(dead_code, reason = "the terminal is shared, and no crate uses all of it")]
mod harness;
#[path = "attach/proxy.rs"]
#[expect(dead_code, reason = "the proxy is shared, and no crate uses all of it")]
mod proxy;
#[path = "present/report.rs"]
#[expect(dead_code, reason = "reports are shared, and no crate uses all of them")]
mod report;
#[path = "present/turns.rs"]
mod turns;
#[path = "present/world.rs"]
mod world;

#[path = "attach/again.rs"]
mod again;
#[path = "attach/beside.rs"]
mod beside;
#[path = "attach/browsing.rs"]
mod browsing;
#[path = "attach/drift.rs"]
mod drift;
#[path = "attach/placing.rs"]
mod placing;
#[path = "attach/pooler.rs"]
mod pooler;
#[path = "attach/quiet.rs"]
mod quiet;
#[path = "attach/reading.rs"]
mod reading;
#[path = "attach/several.rs"]
mod several;
#[path = "attach/telling.rs"]
mod telling;
#[path = "attach/times.rs"]
mod times;
#[path = "attach/trouble.rs"]
mod trouble;
#[path = "attach/whole.rs"]
mod whole;
#[path = "attach/window.rs"]
mod window;
#[path = "attach/writing.rs"]
mod writing;
