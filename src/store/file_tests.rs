//! What is so of a store that is a file, and of no other.

use std::path::Path;
use std::time::Duration;

use super::Store;
use super::engine::query;
use super::tests::{Desk, batch, file_desk, mark, session};

#[tokio::test]
async fn what_is_no_store_is_said() {
    let desk = file_desk().await;
    let refused = |path: &Path| {
        let path = path.to_owned();
        async move { format!("{:#}", Store::open_with(&path, Duration::from_millis(50)).await.expect_err("refused")) }
    };
    let garbage = desk.folder.path().join("garbage.db");
    std::fs::write(&garbage, "no database at all, but long enough to have a header of one hundred bytes".repeat(30))
        .expect("writes");
    assert!(refused(&garbage).await.contains("is damaged or is no turnscope store"));
    assert!(refused(desk.folder.path()).await.contains("it is a folder"));
    let newer = desk.folder.path().join("newer.db");
    let store = Store::open(&newer).await.expect("opens");
    query("PRAGMA user_version = 99").execute(&store.writer).await.expect("writes");
    assert!(refused(&newer).await.contains("made by a newer turnscope (schema 99;"));
    store.close().await;
    assert!(refused(&newer).await.contains("made by a newer turnscope (schema 99;"));
}

/// A store with one session, closed, and its bytes.
async fn closed_store() -> (tempfile::TempDir, std::path::PathBuf, Vec<u8>) {
    let Desk { folder, store } = file_desk().await;
    let path = store.file().expect("is a file").to_owned();
    store.append(&[batch("/f", &[session("s")], vec![])]).await.expect("appends");
    store.settle().await.expect("settles");
    store.close().await;
    let bytes = std::fs::read(&path).expect("is there");
    (folder, path, bytes)
}

fn names_beside(path: &Path) -> Vec<String> {
    let folder = std::fs::read_dir(path.parent().expect("lies in a folder")).expect("reads");
    let mut names: Vec<String> =
        folder.map(|entry| entry.expect("reads").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn reading_a_store_changes_no_byte_and_leaves_nothing_beside_it() {
    let (_folder, path, before) = closed_store().await;
    let store = Store::open(&path).await.expect("opens");
    assert_eq!(store.sessions().await.expect("reads").len(), 1);
    store.close().await;
    assert!(std::fs::read(&path).expect("is there") == before);
    assert_eq!(names_beside(&path), ["store.db"]);
}

#[tokio::test]
async fn a_newer_store_is_refused_untouched() {
    let (_folder, path, mut bytes) = closed_store().await;
    bytes[60..64].copy_from_slice(&99u32.to_be_bytes());
    std::fs::write(&path, &bytes).expect("writes");
    let error = Store::open(&path).await.expect_err("newer");
    assert!(format!("{error:#}").contains("made by a newer turnscope (schema 99;"), "{error:#}");
    assert!(std::fs::read(&path).expect("is there") == bytes);
    assert_eq!(names_beside(&path), ["store.db"]);
}

#[tokio::test]
async fn a_reader_works_beside_a_writer() {
    let desk = file_desk().await;
    desk.store.append(&[batch("/f", &[session("s")], vec![])]).await.expect("appends");
    let held = desk.store.writer.begin_writing().await.expect("locks");
    let other = Store::open_with(desk.store.file().expect("is a file"), Duration::ZERO).await.expect("opens");
    assert_eq!(other.sessions().await.expect("reads").len(), 1);
    drop(held);
}

#[tokio::test]
async fn what_waits_in_the_log_of_a_store_that_may_only_be_read_is_read_too() {
    let desk = file_desk().await;
    desk.store.append(&[batch("/f", &[session("s")], vec![])]).await.expect("appends");
    // As a killed import leaves it: the log holds all, and nothing can be made beside it.
    let left = desk.folder.path().join("left");
    std::fs::create_dir_all(left.join("store.db-shm")).expect("makes a folder");
    for name in ["store.db", "store.db-wal"] {
        std::fs::copy(desk.store.file().expect("is a file").with_file_name(name), left.join(name)).expect("copies");
    }
    let before = std::fs::read(left.join("store.db-wal")).expect("is there");
    let store = Store::open_to_read(&left.join("store.db")).await.expect("opens");
    assert_eq!(store.sessions().await.expect("reads").len(), 1);
    assert!(store.annotate(&mark("s", "row")).await.is_err());
    assert!(std::fs::read(left.join("store.db-wal")).expect("is there") == before);
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_stays_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("other.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let other = sqlx::SqlitePool::connect_with(options).await.expect("opens");
    sqlx::query("CREATE TABLE bookmarks (address TEXT)").execute(&other).await.expect("writes");
    other.close().await;
    let before = std::fs::read(&path).expect("is there");
    let error = Store::open(&path).await.expect_err("refused");
    assert!(format!("{error:#}").contains("a database of another program"), "{error:#}");
    assert!(std::fs::read(&path).expect("is there") == before);
}

#[tokio::test]
async fn a_store_that_another_holds_is_said_to_be_locked() {
    let desk = file_desk().await;
    let path = desk.store.file().expect("is a file").to_owned();
    let other = Store::open_with(&path, Duration::from_millis(50)).await.expect("opens");
    let held = desk.store.writer.begin_writing().await.expect("locks");
    let error = other.append(&[batch("/f", &[session("s")], vec![])]).await.expect_err("locked");
    assert!(format!("{error:#}").contains("is locked by another process"));
    drop(held);
}
