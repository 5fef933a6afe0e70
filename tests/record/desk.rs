//! A store in a folder of its own, a file or a database, and what it holds after something was recorded.

use std::path::PathBuf;
use std::process::Command;

use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};
use turnscope::domain::{Event, Role};
use turnscope::record::{Policy, Recorder};
use turnscope::store::{Address, Store};

pub struct Desk {
    pub folder: tempfile::TempDir,
    pub store: Store,
    pub address: Address,
    /// The address of the database, where it is one.
    pub url: Option<String>,
}

/// A connection beside the store's own.
pub enum Other {
    File(SqliteConnection),
    Server(PgConnection),
}

impl Desk {
    /// One whose store is a file.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let address = Address::from(&folder.path().join("store.db"));
        Self::at(folder, address, None).await
    }

    /// One whose store is a file, and where a server is named one whose store is a database.
    pub async fn all() -> Vec<Self> {
        let mut desks = vec![Self::new().await];
        desks.extend(Self::on_server().await);
        desks
    }

    /// One whose store is a database; `None` where no server is named.
    pub async fn on_server() -> Option<Self> {
        let url = crate::server::database().await?;
        let folder = tempfile::tempdir().expect("a folder");
        Some(Self::at(folder, Address::from(url.as_str()), Some(url)).await)
    }

    async fn at(folder: tempfile::TempDir, address: Address, url: Option<String>) -> Self {
        let store = Store::at(&address).await.expect("opens");
        Self { folder, store, address, url }
    }

    /// The file of the store.
    pub fn path(&self) -> PathBuf {
        self.address.file().expect("it is a file").to_owned()
    }

    /// A policy by which journals and quarantine lie in this folder.
    pub fn policy(&self, policy: Policy) -> Policy {
        Policy { folder: Some(self.folder.path().to_owned()), ..policy }
    }

    pub async fn recorder(&self, policy: Policy) -> Recorder {
        Recorder::open(&self.address, self.policy(policy)).await.expect("opens")
    }

    /// What lies in the folder of journals and quarantine.
    pub fn left(&self) -> Vec<PathBuf> {
        let folder = self.kept();
        let entries = std::fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("is read").path()).collect()
    }

    /// The folder of journals and quarantine.
    pub fn kept(&self) -> PathBuf {
        let entries = std::fs::read_dir(self.folder.path()).expect("a folder");
        let mut paths = entries.map(|entry| entry.expect("is read").path());
        paths.find(|path| path.extension().is_some_and(|ending| ending == "recorder")).expect("it is there")
    }

    /// Runs the program on the store: exit code, stdout, stderr.
    pub fn turnscope(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_turnscope"));
        match &self.url {
            Some(url) => command.arg("--store").arg(url),
            None => command.arg("--store").arg(self.path()),
        };
        command.env("TURNSCOPE_RECORDER_FOLDER", self.folder.path());
        let output = command.args(arguments).output().expect("runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (output.status.code().expect("ended by itself"), text(output.stdout), text(output.stderr))
    }

    /// All events of a session, in order.
    pub async fn events(&self, session: &str) -> Vec<Event> {
        events(&self.store, session).await
    }

    pub async fn other(&self) -> Other {
        match &self.url {
            Some(url) => {
                let mut connection = PgConnection::connect(url).await.expect("connects");
                connection.execute("SET search_path TO turnscope").await.expect("is set");
                Other::Server(connection)
            }
            None => {
                let options = SqliteConnectOptions::new().filename(self.path());
                Other::File(SqliteConnection::connect_with(&options).await.expect("connects"))
            }
        }
    }

    /// Keeps the store from being written until [`Other::unlock`].
    pub async fn lock(&self) -> Other {
        let mut other = self.other().await;
        let lock = match &other {
            Other::File(_) => "BEGIN IMMEDIATE",
            Other::Server(_) => "BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE",
        };
        other.execute(lock).await;
        other
    }

    /// The bytes of a part of an event.
    pub async fn part(&self, event: &Event, role: Role) -> Option<String> {
        let bodies = self.store.bodies(&[event.number]).await.expect("reads");
        let body = bodies.into_iter().find(|body| body.role == role)?;
        let bytes = self.store.read(body.blob, body.start, body.size).await.expect("reads");
        assert_eq!(turnscope::store::digest(&bytes), body.digest);
        Some(String::from_utf8(bytes).expect("text"))
    }
}

impl Other {
    pub async fn execute(&mut self, statements: &str) {
        let statements = AssertSqlSafe(statements.to_owned());
        match self {
            Self::File(connection) => connection.execute(statements).await.map(drop).expect("is done"),
            Self::Server(connection) => connection.execute(statements).await.map(drop).expect("is done"),
        }
    }

    pub async fn unlock(mut self) {
        self.execute("ROLLBACK").await;
    }

    /// Has the store refuse the event `bad`, until [`Self::cure`].
    pub async fn poison(&mut self) {
        let trigger = match self {
            Self::File(_) => {
                "CREATE TRIGGER poison BEFORE INSERT ON events WHEN NEW.id = 'bad' \
                 BEGIN SELECT RAISE(ABORT, 'poison'); END"
            }
            Self::Server(_) => {
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'poison'; END $$; \
                 CREATE TRIGGER poison BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.id = 'bad') \
                 EXECUTE FUNCTION refuse()"
            }
        };
        self.execute(trigger).await;
    }

    pub async fn cure(&mut self) {
        let drop = match self {
            Self::File(_) => "DROP TRIGGER poison",
            Self::Server(_) => "DROP TRIGGER poison ON events",
        };
        self.execute(drop).await;
    }
}

pub async fn events(store: &Store, session: &str) -> Vec<Event> {
    let Some(session) = store.session(session).await.expect("reads") else { return Vec::new() };
    let heads = store.heads(session.number, None).await.expect("reads");
    let numbers: Vec<i64> = heads.iter().map(|head| head.number).collect();
    store.events(&numbers).await.expect("reads")
}
