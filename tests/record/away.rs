//! A database that goes away, comes back, or is not there at the start: events wait, and each is stored once.
//!
//! They need a server (`tests/cluster cargo test --test record`).

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use turnscope::domain::{Event, Kind};
use turnscope::record::{Flushed, Item, Policy, Recorder, Taken, quarantined};
use turnscope::store::{Address, Store};

use crate::desk::{Desk, events};

/// Long enough for any machine; nothing waits for it in vain.
const LONG: Duration = Duration::from_secs(60);

/// A way to the server of a desk, which can be cut.
struct Way {
    folder: tempfile::TempDir,
    socket: PathBuf,
    url: String,
}

impl Way {
    fn new(desk: &Desk) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = desk.url.as_deref().expect("it is a database");
        let (_, host) = url.split_once("host=").expect("a socket");
        let host = host.split('&').next().expect("a folder");
        let socket = Path::new(host).join(".s.PGSQL.5432");
        let url = url.replacen(host, folder.path().to_str().expect("text"), 1);
        Self { folder, socket, url }
    }

    fn open(&self) {
        symlink(&self.socket, self.folder.path().join(".s.PGSQL.5432")).expect("is linked");
    }

    async fn cut(&self, desk: &Desk) {
        std::fs::remove_file(self.folder.path().join(".s.PGSQL.5432")).expect("is removed");
        end_connections(desk).await;
    }

    async fn recorder(&self, desk: &Desk, policy: Policy) -> Recorder {
        Recorder::open(self.url.as_str(), desk.policy(policy)).await.expect("opens")
    }
}

async fn end_connections(desk: &Desk) {
    let mut connection = PgConnection::connect(desk.url.as_deref().expect("a database")).await.expect("connects");
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    sqlx::query(end).execute(&mut connection).await.expect("is done");
}

fn item(id: &str) -> Item {
    let item = Item::model("runner", "model_call", "completed");
    Item { event_id: Some(id.to_owned()), room: Some("away".to_owned()), ..item }
}

fn tight() -> Policy {
    Policy { queue_events: 4, wait: Duration::ZERO, drain: Duration::from_millis(200), ..Policy::default() }
}

/// The ids of what was recorded, sorted, and how many gaps there are.
async fn found(desk: &Desk) -> (Vec<String>, usize) {
    let store = Store::at(&desk.address).await.expect("opens");
    let told = events(&store, "source:turnscope_recorder").await;
    let (recorded, gaps): (Vec<Event>, Vec<Event>) =
        events(&store, "room:away").await.into_iter().chain(told).partition(|event| event.kind == Kind::Model);
    let mut ids: Vec<String> = recorded.into_iter().map(|event| event.id).collect();
    ids.sort_unstable();
    (ids, gaps.len())
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("e{number:03}")).collect()
}

#[tokio::test]
async fn events_wait_while_the_server_is_away_and_are_stored_once_when_it_is_back() {
    let Some(desk) = Desk::on_server().await else { return };
    let way = Way::new(&desk);
    way.open();
    let recorder = way.recorder(&desk, tight()).await;
    let ids = numbered(45);
    for id in &ids[..2] {
        recorder.record(item(id)).await.expect("taken");
    }
    assert_eq!(recorder.flush(LONG).await.status, Flushed::Flushed);
    way.cut(&desk).await;
    let mut journaled = 0;
    for id in &ids[2..] {
        journaled += usize::from(recorder.record(item(id)).await.expect("taken") == Taken::Journaled);
    }
    assert!(journaled >= 35, "{journaled} went to the journal");
    assert_eq!(recorder.flush(Duration::ZERO).await.status, Flushed::Queued);
    way.open();
    let flush = recorder.flush(LONG).await;
    assert_eq!((flush.status, flush.stored, flush.dropped), (Flushed::Flushed, 45, 0));
    recorder.close().await;
    assert_eq!(found(&desk).await, (ids, 0));
    assert_eq!(desk.left(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_server_that_is_away_at_the_start_is_found_later() {
    let Some(desk) = Desk::on_server().await else { return };
    let way = Way::new(&desk);
    let ids = numbered(12);
    let recorder = way.recorder(&desk, tight()).await;
    for id in &ids[..10] {
        recorder.record(item(id)).await.expect("taken");
    }
    let closed = recorder.close().await;
    assert_eq!((closed.status, closed.journaled), (Flushed::Queued, 10), "all of it is on the disk");
    drop(recorder);
    // The next one finds it away as well, and then comes the server.
    let recorder = way.recorder(&desk, Policy::default()).await;
    for id in &ids[10..] {
        recorder.record(item(id)).await.expect("taken");
    }
    way.open();
    assert_eq!(recorder.flush(LONG).await.status, Flushed::Flushed);
    recorder.close().await;
    assert_eq!(found(&desk).await, (ids, 0));
}

#[tokio::test]
async fn connections_that_end_at_any_moment_lose_nothing_and_store_nothing_twice() {
    let Some(desk) = Desk::on_server().await else { return };
    let recorder = desk.recorder(Policy { gather: Duration::ZERO, ..Policy::default() }).await;
    let ids = numbered(300);
    for (round, some) in ids.chunks(20).enumerate() {
        for id in some {
            recorder.record(item(id)).await.expect("taken");
        }
        tokio::time::sleep(Duration::from_millis(7 * round as u64 % 31)).await;
        end_connections(&desk).await;
    }
    let flush = recorder.flush(LONG).await;
    assert_eq!((flush.status, flush.stored, flush.dropped), (Flushed::Flushed, 300, 0));
    recorder.close().await;
    assert_eq!(found(&desk).await, (ids, 0));
    assert_eq!(quarantined(&desk.address, Some(desk.folder.path())).expect("reads").len(), 0);
}

#[tokio::test]
async fn what_stays_wrong_with_an_address_is_told_at_the_start() {
    let Some(desk) = Desk::on_server().await else { return };
    let url = desk.url.as_deref().expect("a database");
    let (place, options) = url.split_once('?').expect("options");
    let wrong = format!("{place}_no?{options}&password=hidden");
    let Err(error) = Recorder::open(wrong.as_str(), desk.policy(Policy::default())).await else {
        panic!("there is no such database");
    };
    let words = format!("{error:#}");
    assert!(words.contains("there is no such database") && !words.contains("hidden"), "{words}");
    assert_eq!(desk.left(), Vec::<PathBuf>::new(), "nothing is left of a recorder that never began");
    // Where nobody may come in, it lies with no row, and the server may let them in later.
    let closed = Address::from(url);
    let mut connection = PgConnection::connect(&format!(
        "{}?{options}",
        place.rsplit_once('/').expect("a name").0.to_owned() + "/postgres"
    ))
    .await
    .expect("connects");
    let name = place.rsplit('/').next().expect("a name");
    sqlx::query(sqlx::AssertSqlSafe(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")))
        .execute(&mut connection)
        .await
        .expect("is shut");
    desk.store.close().await;
    let recorder = Recorder::open(&closed, desk.policy(tight())).await.expect("it waits");
    recorder.record(item("e000")).await.expect("taken");
    assert_eq!(recorder.close().await.journaled, 1);
    assert_eq!(quarantined(&desk.address, Some(desk.folder.path())).expect("reads").len(), 0);
}
