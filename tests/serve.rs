//! The server from outside: what it answers, and that what it has answered for is there.

#[path = "serve/answering.rs"]
mod answering;
#[path = "serve/desk.rs"]
mod desk;
#[path = "serve/faults.rs"]
mod faults;
#[path = "serve/killing.rs"]
mod killing;
#[path = "serve/mounts.rs"]
mod mounts;
#[path = "serve/otlp.rs"]
mod otlp;
#[path = "serve/purging.rs"]
mod purging;
#[path = "serve/recovering.rs"]
mod recovering;
#[path = "serve/sending.rs"]
mod sending;
#[path = "serve/tls.rs"]
mod tls;
