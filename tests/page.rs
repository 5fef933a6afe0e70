//! Reports: the JSON counted against the original's own rules, the page opened in a real browser.

mod server;

#[path = "cli/desk.rs"]
#[expect(dead_code, reason = "the desk is shared, and no crate uses all of it")]
mod desk;
#[path = "present/example.rs"]
mod example;
#[path = "present/report.rs"]
#[expect(dead_code, reason = "the worked example is shared, and no crate uses all of it")]
mod report;
#[path = "present/turns.rs"]
mod turns;
#[path = "present/world.rs"]
mod world;

#[path = "page/browser.rs"]
mod browser;
#[path = "page/counting.rs"]
mod counting;
#[path = "page/drawing.rs"]
mod drawing;
#[path = "page/harm.rs"]
mod harm;
#[path = "page/hiding.rs"]
mod hiding;
#[path = "page/hostile.rs"]
mod hostile;
