//! Recording from outside: what is acknowledged is there, byte for byte and once, whatever happens in between.

mod server;

#[path = "record/away.rs"]
mod away;
#[path = "record/committing.rs"]
mod committing;
#[path = "record/desk.rs"]
mod desk;
#[path = "record/killing.rs"]
mod killing;
#[path = "serve/mounts.rs"]
mod mounts;
#[path = "record/outside.rs"]
mod outside;
#[path = "record/recording.rs"]
mod recording;
