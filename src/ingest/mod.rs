//! The server that takes what agents send, and says that it is stored once it is.

mod server;
mod seats;
mod routes;
mod telemetry;
mod fields;
mod otlp;
mod kind;
mod body;
mod answer;
mod metrics;
mod trouble;
mod auth;
mod users;
mod verifying;
mod tls;

pub use auth::{Scope, digest};
pub use server::Server;
pub use tls::Certificate;
pub use users::UserKeys;

use std::net::SocketAddr;

use tokio::sync::watch;

use crate::record::GroupPolicy;

/// What a server does, and for whom.
#[derive(Debug, Clone)]
pub struct Options {
    pub listen: SocketAddr,
    /// A token that may do everything, from the environment.
    pub token: Option<String>,
    pub users: UserKeys,
    pub certificate: Option<Certificate>,
    /// Bytes that all bodies which are being received may take together.
    pub memory: usize,
    pub policy: GroupPolicy,
    /// Tells whoever runs it what keeps it from storing anything, and when that is over.
    pub tell: fn(&str),
}

/// Tells a server to stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// What tells it, and what is told. It is told as well when the former is dropped.
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    pub(crate) async fn wait(&mut self) {
        // Whoever would have told it is gone: that is an end too.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}
