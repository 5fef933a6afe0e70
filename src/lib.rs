//! turnscope: a replay browser for AI-agent sessions.
//!
//! ```text
//!    at the edges     ui      report     import     ingest        (cli, run above them)
//!    in the middle    timeline (pure)    record     store (all the SQL)
//!    on the ground    domain
//! ```
//!
//! 1. `domain` says what a session is. It knows no SQL, no terminal, no files, no clock.
//! 2. `timeline` joins events into what a person walks through. Pure functions: events in, rows and joins out.
//! 3. `store` keeps sessions. All SQL is there, and events enter through `store.append` alone.
//! 4. `record` takes what agents tell while they run, and `import` brings sessions in from files.
//! 5. `ui` and `report` show a timeline: one on a screen, one in a file.
//! 6. `cli` says what may be typed, `run` does it.

pub mod domain;
pub mod timeline;
pub mod store;
pub mod record;
pub mod import;
pub mod ingest;
pub mod report;
pub mod ui;
pub mod cli;
pub mod run;
