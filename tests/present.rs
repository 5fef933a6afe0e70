//! What the original system leaves behind, made anew from its rules, brought in and compared row by row.

mod server;

#[path = "cli/desk.rs"]
#[expect(dead_code, reason = "the desk is shared, and no crate uses all of it")]
mod desk;
#[path = "present/example.rs"]
mod example;
#[path = "present/report.rs"]
mod report;
#[path = "present/turns.rs"]
mod turns;
#[path = "present/world.rs"]
mod world;

#[path = "present/copies.rs"]
mod copies;
#[path = "present/joins.rs"]
mod joins;
#[path = "present/keys.rs"]
mod keys;
#[path = "present/leniency.rs"]
mod leniency;
#[path = "present/real.rs"]
mod real;
#[path = "present/rows.rs"]
mod rows;
#[path = "present/selecting.rs"]
mod selecting;
#[path = "present/states.rs"]
mod states;
