//! Recording from outside: what is acknowledged is there, byte for byte and once, whatever happens in between.

#[path = "record/committing.rs"]
mod committing;
#[path = "record/desk.rs"]
mod desk;
#[path = "record/killing.rs"]
mod killing;
#[path = "record/recording.rs"]
mod recording;
