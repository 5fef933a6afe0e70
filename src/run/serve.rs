//! `turnscope serve`: takes what agents send until it is told to stop.

use std::env::{VarError, var};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

use super::location::Location;
use super::{Ended, complain, heap, tell, usage};
use crate::cli::Serve;
use crate::ingest::{Certificate, Options, Server, Stop, UserKeys};
use crate::record::GroupPolicy;
use crate::store::Keeping;

/// Bytes that all bodies which are being received may take together.
const MEMORY: usize = 112 << 20;

pub async fn serve(location: &Location, wanted: &Serve) -> Result<Ended> {
    heap::keep_together();
    let options = options(wanted)?;
    let (sender, stop) = Stop::new();
    // Listening for signals starts before anything is taken.
    let mut terminate = signal(SignalKind::terminate()).context("could not listen for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("could not listen for signals")?;
    let store = location.open_or_make().await?.keeping(Keeping::for_days(wanted.retention.days()));
    store.must_take().await?;
    let server = Server::bind(&store, &options).await?;
    tell(&format!("listening on {}", server.address()?));
    if !options.listen.ip().is_loopback() && options.certificate.is_none() {
        tell("without --certificate, tokens and what is sent can be read on the way");
    }
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tell("stopping: what was begun is finished first");
        // The server has ended by itself where nobody hears this.
        let _ = sender.send(true);
    });
    server.run(stop).await;
    if let Err(error) = store.settle().await {
        // What was answered for is there; whoever opens the store next counts it.
        complain(&format!("{error:#}"));
    }
    store.close().await;
    Ok(Ended::Well)
}

fn options(wanted: &Serve) -> Result<Options> {
    let certificate = match (&wanted.certificate, &wanted.key) {
        (Some(chain), Some(key)) => Some(Certificate { chain: chain.clone(), key: key.clone() }),
        (None, None) => None,
        _ => return Err(usage("--certificate and --key belong together")),
    };
    Ok(Options {
        listen: wanted.listen,
        token: variable("AGENT_TELEMETRY_INGEST_TOKEN")?,
        users: UserKeys {
            secret: variable("TURNSCOPE_JWT_SECRET")?,
            public_key: variable("TURNSCOPE_JWT_PUBLIC_KEY")?.map(Into::into),
            key_set: variable("TURNSCOPE_JWKS")?.map(Into::into),
            audience: variable("TURNSCOPE_JWT_AUDIENCE")?,
            issuer: variable("TURNSCOPE_JWT_ISSUER")?,
            leeway: wanted.leeway,
        },
        certificate,
        memory: MEMORY,
        tell,
        policy: GroupPolicy {
            waiting_items: 8000,
            waiting_bytes: 16 << 20,
            room_within: Duration::from_secs(5),
            ..GroupPolicy::default()
        },
    })
}

/// What a variable says of who may send. One that is set to nothing is a secret that did not come, and must not open the
/// server to all.
fn variable(name: &str) -> Result<Option<String>> {
    match var(name) {
        Ok(value) if value.trim().is_empty() => {
            Err(usage(format!("{name} is set and empty: give it its value, or unset it")))
        }
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(usage(format!("{name} is no UTF-8"))),
    }
}
