//! The listener: takes connections within limits, hands their requests to the routes, and finishes what it began.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::routes::{Shared, router};
use super::seats::{Seat, Seats, Watched};
use super::tls;
use super::{Options, Stop};
use crate::record::Committer;
use crate::store::Store;

/// Connections that are served at once; others wait until one of these ends or gives way.
const MOST_CONNECTIONS: u32 = 512;
/// The longest time in which the head of a request must come, and in which an idle connection is kept.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// The longest time for the greeting of TLS.
const GREETING: Duration = Duration::from_secs(10);
/// How long requests that were begun are given when the server stops.
const LAST: Duration = Duration::from_secs(20);

/// A server that listens.
pub struct Server {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    routes: Router,
    committer: Committer,
}

impl Server {
    /// Begins to listen; nothing is accepted yet.
    ///
    /// # Errors
    /// When the address cannot be had, or a key or certificate cannot be used.
    pub async fn bind(store: &Store, options: &Options) -> Result<Self> {
        let listener = TcpListener::bind(options.listen)
            .await
            .with_context(|| format!("could not listen on {}", options.listen))?;
        let tls = options.certificate.as_ref().map(tls::acceptor).transpose()?;
        let committer = Committer::start(store.clone(), options.policy.clone());
        let shared = Arc::new(Shared::of(store, &committer, options)?);
        Ok(Self { listener, tls, routes: router(shared), committer })
    }

    /// Where it listens: `http://ADDR:PORT`.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn address(&self) -> Result<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}", self.listener.local_addr()?))
    }

    /// Serves until it is told to stop; then finishes the requests that were begun, and stores what they brought.
    pub async fn run(self, mut stop: Stop) {
        let seats = Seats::new(MOST_CONNECTIONS);
        let (ending, _) = watch::channel(false);
        loop {
            let accepted = tokio::select! {
                () = stop.wait() => break,
                accepted = accept(&self.listener, &seats) => accepted,
            };
            match accepted {
                Ok((stream, seat)) => {
                    let seat = Arc::new(seat);
                    let connection = Connection { routes: self.routes.clone(), ending: ending.subscribe(), seat };
                    tokio::spawn(serve(stream, self.tls.clone(), connection));
                }
                // Out of file descriptors, most likely: those who are connected must go first.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        drop(self.listener);
        // Nobody listening means that no connection is open.
        let _ = ending.send(true);
        let _ = tokio::time::timeout(LAST, seats.all_free()).await;
        self.committer.close().await;
    }
}

async fn accept(listener: &TcpListener, seats: &Arc<Seats>) -> std::io::Result<(TcpStream, Seat)> {
    // Who waits to be served keeps nobody's place.
    let (stream, _) = listener.accept().await?;
    Ok((stream, seats.take().await))
}

struct Connection {
    routes: Router,
    ending: watch::Receiver<bool>,
    seat: Arc<Seat>,
}

/// Serves a connection until its client goes, or it has to give way to another.
async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>, connection: Connection) {
    // An answer of a few bytes must not wait for more.
    let _ = stream.set_nodelay(true);
    let seat = Arc::clone(&connection.seat);
    tokio::select! {
        () = greet(stream, tls, connection) => {}
        () = seat.gives_way() => {}
    }
}

async fn greet(stream: TcpStream, tls: Option<TlsAcceptor>, connection: Connection) {
    match tls {
        None => speak(stream, connection).await,
        Some(tls) => {
            // Who cannot greet is gone.
            if let Ok(Ok(stream)) = tokio::time::timeout(GREETING, tls.accept(stream)).await {
                speak(stream, connection).await;
            }
        }
    }
}

/// Waits until the server ends, or is gone.
async fn ended(ending: &mut watch::Receiver<bool>) {
    let _ = ending.wait_for(|ending| *ending).await;
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, connection: Connection) {
    let Connection { routes, mut ending, seat } = connection;
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let (service, seat) = (TowerToHyperService::new(routes.clone()), Arc::clone(&seat));
        async move {
            use hyper::service::Service;
            seat.works();
            let request = request.map(|body| axum::body::Body::new(Watched::new(body, Arc::clone(&seat))));
            let answered: Result<_, Infallible> = service.call(request).await;
            seat.waits();
            answered
        }
    });
    let mut builder = http1::Builder::new();
    // Who has sent all of a request may close that half, and still hears the answer.
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).half_close(true);
    let mut spoken = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // What goes wrong on a connection is its client's to know.
        _ = spoken.as_mut() => {}
        () = ended(&mut ending) => {
            spoken.as_mut().graceful_shutdown();
            let _ = spoken.await;
        }
    }
}
