//! Stores that an older turnscope made: what is in them reads as it did, on either engine.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::Executor;

use super::engine::{Engine, Pool, Server, query};
use super::tests::{Desk, append, batch, desk, event, mark, session};
use super::{Address, Hold, Keeping, Scope, State, Store, Token, open, server};
use crate::domain::{Event, Key, KeyKind, Kind, Usage, UsageSource};

/// From this schema on a store has all the tables that it has today, but for those that a migration fills from others.
const WHOLE: i64 = 10;

/// A store with rows in every table.
async fn filled() -> Desk {
    let desk = desk().await;
    let store = &desk.store.clone().keeping(Keeping::for_days(0));
    let mut all = Vec::new();
    for (number, kind) in Kind::ALL.into_iter().cycle().take(40).enumerate() {
        let mut one = event("s", &format!("e{number}"), 1_000_000 + number as i64, kind);
        one.keys = vec![Key::native(KeyKind::ToolCall, format!("t{}", number / 2)), Key::native(KeyKind::Room, "r")];
        one.attributes = vec![("cwd".to_owned(), "/made-up".to_owned())];
        one.turn = (kind == Kind::Tool).then(|| format!("tool:t{}", number / 2));
        one.usage = (kind == Kind::Model).then(|| Usage { input: Some(3), ..Usage::new("rule", UsageSource::Sdk) });
        all.push(one);
    }
    append(store, batch("/f", &[session("s")], all.clone())).await;
    // Another file has the same events, and a fork has them too.
    append(store, batch("/g", &[session("s")], all[..5].to_vec())).await;
    let copied = all[..5].iter().cloned().map(|one| Event { session: "heir".to_owned(), ..one }).collect();
    let heir = batch("/h", &[session("heir")], copied);
    append(store, super::Batch { forks: vec![("heir".to_owned(), "s".to_owned())], ..heir }).await;
    append(store, batch("/first", &[session("first")], vec![event("first", "a1", 7, Kind::Trace)])).await;
    let adopting = batch("/true", &[session("true")], vec![event("true", "a2", 8, Kind::Trace)]);
    append(store, super::Batch { adopted: vec![("first".to_owned(), "true".to_owned())], ..adopting }).await;
    append(store, batch("/gone", &[session("gone")], vec![event("gone", "g1", 9, Kind::Other)])).await;
    let scope = Scope { session: Some("gone".to_owned()), all: true, ..Scope::default() };
    let mut purge = store.purge(&scope, 1).await.expect("begins");
    while purge.step().await.expect("purges").is_some() {}
    purge.end(State::Done, 2).await.expect("ends");
    store.annotate(&mark("s", "e1")).await.expect("marks");
    store.save_filter("tools", "kind:tool").await.expect("saves");
    store.hold(&Hold { session: "s".to_owned(), reason: None, held: 3 }).await.expect("holds");
    let (scopes, digest) = (vec!["ingest".to_owned()], [7; 32]);
    let token = Token { name: "voice".to_owned(), digest, scopes, created: 4, expires: None, revoked: None };
    store.add_token(&token).await.expect("adds");
    store.settle().await.expect("settles");
    desk
}

/// Tables and their columns, of the store or of another schema that the same connection reaches.
async fn tables(on: &Pool, schema: &str) -> BTreeMap<String, BTreeSet<String>> {
    let statement = match on.engine() {
        Engine::Sqlite => format!(
            "SELECT tables.name, columns.name FROM {schema}.sqlite_schema AS tables \
             JOIN pragma_table_info(tables.name, '{schema}') AS columns WHERE tables.type = 'table'"
        ),
        Engine::Postgres => format!(
            "SELECT table_name::text, column_name::text FROM information_schema.columns \
             JOIN information_schema.tables USING (table_schema, table_name) \
             WHERE table_type = 'BASE TABLE' AND table_name <> 'schema_version' AND table_schema = '{schema}'"
        ),
    };
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in query(statement).fetch_all(on).await.expect("reads") {
        let (table, column): (String, String) = (row.try_get(0).expect("a name"), row.try_get(1).expect("a name"));
        tables.entry(table).or_default().insert(column);
    }
    tables
}

/// An old store beside a filled one: within reach of one connection, each by the name of its schema.
struct Old {
    address: Address,
    on: Pool,
    own: &'static str,
    _desk: Desk,
}

const NEWEST: &str = "newest";

impl Old {
    /// A store as it was made under a schema, with all the rows of a filled one that had their place then.
    async fn of(desk: Desk, schema: i64) -> Self {
        desk.store.close().await;
        let (address, on, own) = match desk.store.address() {
            Address::File(path) => {
                let old = path.with_file_name(format!("schema-{schema}.db"));
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&old).create_if_missing(true);
                let one = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).idle_timeout(None);
                let pool = one.connect_with(options).await.expect("opens");
                for migration in open::MIGRATIONS.iter().take(usize::try_from(schema).expect("is small")) {
                    pool.execute(*migration).await.expect("is made");
                }
                run(&Pool::Sqlite(pool.clone()), &format!("PRAGMA user_version = {schema}")).await;
                run(&Pool::Sqlite(pool.clone()), &format!("ATTACH '{}' AS {NEWEST}", path.display())).await;
                (Address::File(old), Pool::Sqlite(pool), "main")
            }
            Address::Server(url) => {
                let options =
                    super::parameter::options(url).expect("is an address").options([("search_path", "turnscope")]);
                let pool = sqlx::postgres::PgPoolOptions::new().max_connections(1);
                let pool = pool.connect_with(options).await.expect("connects");
                let on = Pool::Postgres(Server::new(pool.clone()));
                run(&on, &format!("ALTER SCHEMA turnscope RENAME TO {NEWEST}")).await;
                run(&on, "CREATE SCHEMA turnscope").await;
                run(&on, &format!("CREATE TABLE schema_version AS SELECT {schema}::bigint AS version")).await;
                for migration in
                    server::MIGRATIONS.iter().take(usize::try_from(schema + 1 - server::FIRST).expect("is small"))
                {
                    pool.execute(*migration).await.expect("is made");
                }
                (Address::Server(url.clone()), on, "turnscope")
            }
        };
        let old = Self { address, on, own, _desk: desk };
        old.take_rows().await;
        old
    }

    async fn take_rows(&self) {
        let newest = tables(&self.on, NEWEST).await;
        for (table, columns) in tables(&self.on, self.own).await {
            let columns = common(&columns, newest.get(&table));
            if !columns.is_empty() {
                let own = self.own;
                run(&self.on, &format!("DELETE FROM {own}.{table}")).await;
                run(&self.on, &format!("INSERT INTO {own}.{table} ({columns}) SELECT {columns} FROM {NEWEST}.{table}"))
                    .await;
            }
        }
        if self.on.engine() == Engine::Postgres {
            // Numbers that the database gives go on where they were.
            for (table, number) in [("keys", "key"), ("pieces", "piece")] {
                let sequence = format!("pg_get_serial_sequence('{table}', '{number}')");
                run(&self.on, &format!("SELECT setval({sequence}, (SELECT max({number}) FROM {table}))")).await;
            }
        }
    }

    /// The tables of which some row of one store is not in the other, as far as the old schema had columns for it.
    async fn differences(&self, before: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
        let (newest, mut differences) = (tables(&self.on, NEWEST).await, Vec::new());
        for (table, columns) in before {
            let columns = common(columns, newest.get(table));
            if columns.is_empty() {
                continue;
            }
            for (one, other) in [(self.own, NEWEST), (NEWEST, self.own)] {
                let statement = format!(
                    "SELECT count(*) FROM (SELECT {columns} FROM {one}.{table} EXCEPT SELECT {columns} FROM {other}.{table}) AS more"
                );
                let row = query(statement).persistent(false).fetch_one(&self.on).await.expect("reads");
                let count: i64 = row.try_get(0).expect("a number");
                differences.extend((count > 0).then(|| format!("{count} rows of {one}.{table}")));
            }
        }
        differences
    }

    async fn empty_tables(&self) -> Vec<String> {
        let mut empty = Vec::new();
        for table in tables(&self.on, self.own).await.into_keys() {
            let row = query(format!("SELECT count(*) FROM {}.{table}", self.own)).persistent(false).fetch_one(&self.on);
            let count: i64 = row.await.expect("reads").try_get(0).expect("a number");
            empty.extend((count == 0).then_some(table));
        }
        empty
    }
}

/// The columns that both have.
fn common(columns: &BTreeSet<String>, others: Option<&BTreeSet<String>>) -> String {
    let common = others.into_iter().flat_map(|others| columns.intersection(others));
    common.map(String::as_str).collect::<Vec<_>>().join(", ")
}

async fn run(on: &Pool, statement: &str) {
    on.execute_apart(statement.to_owned()).await.expect("runs");
}

/// All that can be read of a store.
async fn told(store: &Store) -> Vec<String> {
    let mut told = Vec::new();
    for session in store.sessions().await.expect("reads") {
        told.push(format!("{session:?} {:?}", store.annotations(&session.id).await.expect("reads")));
        let heads = store.heads(session.number, None).await.expect("reads");
        assert_eq!(store.heads_after(session.number, 0, i64::MAX).await.expect("reads"), heads);
        let numbers: Vec<i64> = heads.iter().map(|head| head.number).collect();
        for event in store.events(&numbers).await.expect("reads") {
            let named = store.named(session.number, &event.id).await.expect("reads");
            let shared = store.sharing(&session.lineage, &event.keys).await.expect("reads");
            let origins = store.origins(event.number).await.expect("reads");
            told.push(format!("{event:?} {named:?} {shared:?} {origins:?}"));
        }
        for body in store.bodies(&numbers).await.expect("reads") {
            let bytes = store.read(body.blob, body.start, body.size).await.expect("reads");
            told.push(format!("{body:?} {:?}", String::from_utf8_lossy(&bytes)));
        }
    }
    told.push(format!("{:?}", store.saved_filters().await.expect("reads")));
    told.push(format!("{:?}", store.all_holds().await.expect("reads")));
    told.push(format!("{:?}", store.receipts().await.expect("reads")));
    told.push(format!("{:?}", store.tokens().await.expect("reads")));
    told
}

#[tokio::test]
async fn a_store_of_any_older_schema_reads_as_before() {
    let (oldest, newest) = match filled().await.store.engine() {
        Engine::Sqlite => (1, Store::newest_schema(Engine::Sqlite)),
        Engine::Postgres => (server::FIRST, Store::newest_schema(Engine::Postgres)),
    };
    for schema in oldest..newest {
        let desk = filled().await;
        let before = told(&desk.store).await;
        let old = Old::of(desk, schema).await;
        let had = tables(&old.on, old.own).await;
        let store = Store::at(&old.address).await.expect("opens");
        store.settle().await.expect("settles");
        assert_eq!(old.differences(&had).await, [""; 0], "schema {schema}");
        assert_eq!(tables(&old.on, old.own).await, tables(&old.on, NEWEST).await, "schema {schema}");
        if schema >= WHOLE {
            assert_eq!(told(&store).await, before, "schema {schema}");
            assert_eq!(old.empty_tables().await, [""; 0], "schema {schema}");
        }
        // It takes what is new, and knows again what it has.
        let more = vec![event("heir", "e1", 1_000_001, Kind::ALL[1]), event("heir", "new", 99, Kind::Tool)];
        let appended = append(&store, batch("/more", &[session("heir")], more)).await;
        assert_eq!((appended.added, appended.duplicates, appended.conflicts), (1, 1, 0), "schema {schema}");
    }
}

#[tokio::test]
async fn several_that_bring_a_store_up_to_date_at_once_wait_for_each_other() {
    let desk = filled().await;
    let (before, engine) = (told(&desk.store).await, desk.store.engine());
    let old = Old::of(desk, Store::newest_schema(engine) - 1).await;
    let open = |address: Address| tokio::spawn(async move { Store::at(&address).await });
    let opening: Vec<_> = (0..6).map(|_| open(old.address.clone())).collect();
    for opened in opening {
        let store = opened.await.expect("runs").expect("opens");
        assert_eq!(told(&store).await, before);
        store.close().await;
    }
}
