//! The suite of retention: what goes, what stays, and what is left to tell of it.

use super::super::engine::query;
use super::super::tests::{Desk, append, batch, desk, event, file_desk, session};
use super::super::{Hold, Keeping, NewBlob, NewBody, Packer, Place, Receipt, Scope, State, Store, digest};
use crate::domain::{Event, Key, KeyKind, Kind, Role, Usage, UsageSource, flag};

/// Later than everything expires.
const LATE: i64 = 1 << 60;

fn words(number: usize) -> String {
    format!("event {number} says something that nobody else says {}", "and so on ".repeat(number % 7))
}

fn events(session: &str, numbers: std::ops::Range<usize>) -> Vec<Event> {
    numbers.map(|number| event(session, &words(number), 1 + number as i64, Kind::ALL[number % 6])).collect()
}

fn late() -> Scope {
    Scope { as_of: LATE, ..Scope::default() }
}

async fn purge(store: &Store, scope: &Scope) -> Receipt {
    let mut purge = store.purge(scope, 7_000_000).await.expect("begins");
    while purge.step().await.expect("purges").is_some() {}
    purge.end(State::Done, 8_000_000).await.expect("ends")
}

async fn number(store: &Store, id: &str) -> i64 {
    store.session(id).await.expect("reads").expect("is there").number
}

/// The labels of a session's events.
async fn labels(store: &Store, id: &str) -> Vec<String> {
    let heads = store.heads(number(store, id).await, None).await.expect("reads");
    let numbers: Vec<i64> = heads.iter().map(|head| head.number).collect();
    store.events(&numbers).await.expect("reads").into_iter().map(|event| event.label).collect()
}

async fn one(store: &Store, statement: &'static str) -> i64 {
    query(statement).fetch_one(&store.readers).await.expect("reads").try_get(0).expect("a number")
}

/// Whether a text stands anywhere in the store, once that is written anew.
async fn stands(store: &Store, text: &str) -> bool {
    store.vacuum().await.expect("vacuums");
    let Some(path) = store.file() else { return stands_in_a_row(store, text).await };
    let bytes = std::fs::read(path).expect("reads");
    memchr::memmem::find(&bytes, text.as_bytes()).is_some()
}

/// Whether a text stands in any row of the database.
async fn stands_in_a_row(store: &Store, text: &str) -> bool {
    let tables = "SELECT relname::text FROM pg_class WHERE relnamespace = 'turnscope'::regnamespace AND relkind = 'r'";
    for row in query(tables).fetch_all(&store.readers).await.expect("reads") {
        let table: String = row.try_get(0).expect("a name");
        let found = query(format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE strpos({table}::text, $1) > 0)"));
        let row = found.bind(text).fetch_one(&store.readers).await.expect("reads");
        if row.try_get(0).expect("a truth") {
            return true;
        }
    }
    false
}

/// Every body of every event that is still there reads back as it was, and nothing is stored that nobody refers to.
async fn is_sound(store: &Store) {
    let rows = query("SELECT event FROM events").fetch_all(&store.readers).await.expect("reads");
    let numbers: Vec<i64> = rows.iter().map(|row| row.try_get(0).expect("a number")).collect();
    for body in store.bodies(&numbers).await.expect("reads") {
        let bytes = store.read(body.blob, body.start, body.size).await.expect("is there");
        assert_eq!(digest(&bytes[..body.size as usize]), body.digest);
    }
    let checked = store.verify(&mut |_, _| {}).await.expect("reads");
    assert_eq!(checked.problems, [""; 0]);
    for orphans in [
        "SELECT count(*) FROM pieces WHERE piece NOT IN (SELECT piece FROM blob_pieces)",
        "SELECT count(*) FROM blobs WHERE blob NOT IN (SELECT blob FROM bodies) AND blob NOT IN (SELECT blob FROM sources)",
        "SELECT count(*) FROM blob_pieces WHERE blob NOT IN (SELECT blob FROM blobs)",
        "SELECT count(*) FROM bodies WHERE event IN (SELECT event FROM tombstones)",
        "SELECT count(*) FROM attributes WHERE event IN (SELECT event FROM tombstones)",
        "SELECT count(*) FROM event_keys WHERE event IN (SELECT event FROM tombstones)",
        "SELECT count(*) FROM tombstones WHERE event NOT IN (SELECT event FROM events)",
    ] {
        assert_eq!(one(store, orphans).await, 0, "{orphans}");
    }
}

#[tokio::test]
async fn what_was_purged_is_nowhere_in_the_file_and_its_neighbours_are_whole() {
    let Desk { folder: _folder, store } = desk().await;
    let mut all = events("gone", 0..40);
    all.extend(events("kept", 40..80));
    all.sort_by_key(|event| digest(event.id.as_bytes()));
    append(&store, batch("/f", &[session("gone"), session("kept")], all)).await;
    let receipt = purge(&store, &Scope { session: Some("gone".to_owned()), ..late() }).await;
    assert_eq!((receipt.state, receipt.sessions, receipt.kinds.values().sum::<i64>()), (State::Done, 1, 40));
    assert_eq!((receipt.kinds[&Kind::Model], receipt.removed.records), (7, 40));
    assert_eq!(labels(&store, "gone").await, vec!["purged on 1970-01-01 by receipt 1"; 40]);
    assert!(labels(&store, "kept").await.iter().all(|label| label.starts_with("label of event")));
    is_sound(&store).await;
    for number in 0..80 {
        let label = format!("label of {}", words(number));
        assert_eq!(stands(&store, &label).await, number >= 40, "{label}");
    }
    let source = store.source("/f").await.expect("reads").expect("is there");
    let spans = store.held_bytes(&source).await.expect("reads");
    let held: i64 = spans.iter().map(|(start, end)| end - start).sum();
    let kept: i64 = (40..80).map(|number| words(number).len() as i64).sum();
    // A line end stays where its neighbours do.
    assert!((kept..=kept + 80).contains(&held), "{held} of {kept} bytes in {spans:?}");
}

#[tokio::test]
async fn a_purge_that_was_stopped_has_done_what_its_receipt_says() {
    let Desk { folder: _folder, store } = desk().await;
    append(&store, batch("/f", &[session("s")], events("s", 0..1300))).await;
    let mut stopped = store.purge(&late(), 1).await.expect("begins");
    assert_eq!(stopped.step().await.expect("purges"), Some(200));
    let killed = store.receipts().await.expect("reads").remove(0);
    assert_eq!((killed.state, killed.kinds.values().sum::<i64>(), killed.ended), (State::Unfinished, 200, None));
    is_sound(&store).await;
    let receipt = stopped.end(State::Cancelled, 2).await.expect("ends");
    assert_eq!((receipt.state, receipt.removed), (State::Cancelled, killed.removed));
    assert_eq!(one(&store, "SELECT count(*) FROM tombstones").await, 200);
    assert_eq!(store.session("s").await.expect("reads").expect("is there").events, 1100);
    let rest = purge(&store, &late()).await;
    assert_eq!((rest.number, rest.kinds.values().sum::<i64>(), rest.sessions), (2, 1100, 1));
    is_sound(&store).await;
    assert_eq!(one(&store, "SELECT count(*) FROM pieces").await, 0);
    assert_eq!(purge(&store, &late()).await.kinds.values().sum::<i64>(), 0);
}

#[tokio::test]
async fn what_was_purged_does_not_come_back_unless_it_is_wanted() {
    let Desk { folder: _folder, store } = desk().await;
    let named = || {
        let mut session = session("s");
        (session.title, session.cwd) = (Some("a title".to_owned()), Some("/a/folder".to_owned()));
        session
    };
    append(&store, batch("/a", &[named()], events("s", 0..20))).await;
    purge(&store, &late()).await;
    let again = append(&store, batch("/b", &[named()], events("s", 0..20))).await;
    assert_eq!((again.added, again.duplicates), (0, 20));
    is_sound(&store).await;
    assert_eq!(one(&store, "SELECT count(*) FROM pieces").await, 0);
    assert!(!stands(&store, "a title").await && !stands(&store, "/a/folder").await);
    let purged = store.session("s").await.expect("reads").expect("is there");
    assert_eq!((purged.title, purged.cwd, purged.events), (None, None, 0));
    let reviving = store.clone().keeping(Keeping { days: None, revive: true });
    let back = append(&reviving, batch("/c", &[named()], events("s", 0..20))).await;
    assert_eq!((back.added, back.duplicates), (20, 0));
    is_sound(&store).await;
    assert_eq!(one(&store, "SELECT count(*) FROM tombstones").await, 0);
    assert_eq!(store.session("s").await.expect("reads").expect("is there").events, 20);
    assert_eq!(store.due(&late()).await.expect("reads").events(), 0, "it is kept for ever now");
}

#[tokio::test]
async fn a_session_that_is_held_stays_with_its_sub_agents() {
    let Desk { folder: _folder, store } = desk().await;
    let mut child = session("child");
    child.parent = Some("parent".to_owned());
    let sessions = [session("parent"), child, session("other")];
    for (place, one) in sessions.iter().enumerate() {
        append(&store, batch(&one.id, std::slice::from_ref(one), events(&one.id, place * 10..place * 10 + 10))).await;
    }
    let hold = Hold { session: "parent".to_owned(), reason: Some("case 12".to_owned()), held: 3 };
    store.hold(&hold).await.expect("holds");
    assert_eq!(store.all_holds().await.expect("reads"), [hold]);
    assert!(store.is_held(number(&store, "child").await).await.expect("reads"));
    let due = store.due(&late()).await.expect("reads");
    assert_eq!((due.events(), due.held_events(), due.held.len()), (10, 20, 2));
    let mut under_way = store.purge(&late(), 1).await.expect("begins");
    store.hold(&Hold { session: "other".to_owned(), reason: None, held: 4 }).await.expect("holds");
    while under_way.step().await.expect("purges").is_some() {}
    assert_eq!(under_way.end(State::Done, 2).await.expect("ends").kinds.values().sum::<i64>(), 0);
    assert!(store.release("other").await.expect("releases") && store.release("parent").await.expect("releases"));
    assert_eq!(purge(&store, &late()).await.kinds.values().sum::<i64>(), 30);
}

#[tokio::test]
async fn only_what_has_expired_goes_and_the_original_says_when_that_is() {
    let Desk { folder: _folder, store } = desk().await;
    let mut early = event("s", "early", 1, Kind::Model);
    early.attributes = vec![("expires_at".to_owned(), "1970-01-01T00:00:09Z".to_owned())];
    append(&store, batch("/f", &[session("s")], vec![early, event("s", "later", 2, Kind::Model)])).await;
    let at = |as_of: i64| Scope { as_of, ..Scope::default() };
    assert_eq!(store.due(&at(8_999_999)).await.expect("reads").events(), 0);
    assert_eq!(store.due(&at(9_000_000)).await.expect("reads").events(), 1);
    purge(&store, &at(9_000_000)).await;
    assert_eq!(labels(&store, "s").await, ["purged on 1970-01-01 by receipt 1", "label of later"]);
    let ninety_days = 5 + 90 * 86_400 * 1_000_000;
    assert_eq!(store.due(&at(ninety_days - 1)).await.expect("reads").events(), 0);
    assert_eq!(store.due(&at(ninety_days)).await.expect("reads").events(), 1);
}

#[tokio::test]
async fn a_fork_keeps_what_its_ancestor_lost_and_counts_it_as_its_own() {
    let Desk { folder: _folder, store } = desk().await;
    let mut fork = batch("/fork", &[session("fork")], events("fork", 0..12));
    fork.forks = vec![("fork".to_owned(), "old".to_owned())];
    append(&store, batch("/old", &[session("old")], events("old", 0..8))).await;
    append(&store, fork).await;
    let own = async |id: &str| store.session(id).await.expect("reads").expect("is there");
    assert_eq!((own("old").await.events, own("fork").await.events), (8, 4));
    purge(&store, &Scope { session: Some("old".to_owned()), ..late() }).await;
    assert_eq!((own("old").await.events, own("fork").await.events), (0, 12));
    assert_eq!(own("fork").await.lineage, "old");
    is_sound(&store).await;
}

#[tokio::test]
async fn bodies_that_sessions_share_go_with_the_last_of_them() {
    let Desk { folder: _folder, store } = desk().await;
    let bytes = b"a body that both have".repeat(400);
    for (path, id) in [("/a", "one"), ("/b", "two")] {
        let mut packer = Packer::default();
        packer.push(&bytes);
        packer.end_record();
        let mut all = batch(path, &[session(id)], vec![event(id, path, 1, Kind::Model)]);
        let size = bytes.len() as i64;
        let body = NewBody { role: Role::Input, place: Place::Blob, size, digest: digest(&bytes) };
        all.records[0].events[0].bodies.push(body);
        all.blobs = vec![NewBlob { digest: digest(&bytes), size, start: 0, pieces: packer.take() }];
        append(&store, all).await;
    }
    let first = purge(&store, &Scope { session: Some("one".to_owned()), ..late() }).await;
    assert_eq!((first.removed.blobs, first.removed.records), (0, 1));
    is_sound(&store).await;
    let second = purge(&store, &late()).await;
    assert_eq!((second.removed.blobs, second.removed.bytes), (1, bytes.len() as i64 + 2));
    is_sound(&store).await;
}

#[tokio::test]
async fn a_tombstone_keeps_its_place_and_nothing_that_was_said() {
    let Desk { folder: _folder, store } = desk().await;
    let mut whole = event("s", "e1", 1_000_000, Kind::Tool);
    whole.keys = vec![Key::native(KeyKind::ToolCall, "call-4711"), Key::native(KeyKind::Session, "emitter")];
    whole.usage = Some(Usage { input: Some(1), ..Usage::new("rule", UsageSource::Provider) });
    whole.attributes = vec![("name".to_owned(), "value-4711".to_owned())];
    (whole.turn, whole.flags) = (Some("tool:t".to_owned()), flag::ERROR | flag::SIDECHAIN);
    (whole.participant, whole.error) = (Some("ana-4711".to_owned()), Some("error-4711".to_owned()));
    append(&store, batch("/f", &[session("s")], vec![whole.clone(), event("s", "e2", 2_000_000, Kind::Other)])).await;
    purge(&store, &late()).await;
    let stub = store.events(&[1]).await.expect("reads").remove(0);
    let left = (stub.id.as_str(), stub.order, stub.kind, stub.turn.as_deref(), stub.status.as_deref());
    assert_eq!(left, ("e1", whole.order, Kind::Tool, Some("tool:t"), Some("purged")));
    assert_eq!(stub.flags, flag::SIDECHAIN | flag::PURGED);
    assert!(stub.keys.is_empty() && stub.attributes.is_empty() && stub.usage.is_none());
    assert!(store.bodies(&[1, 2]).await.expect("reads").is_empty());
    assert_eq!(store.origins(1).await.expect("reads")[0].path, "/f");
    assert!(!stands(&store, "4711").await);
    assert_eq!(store.purges_of(number(&store, "s").await).await.expect("reads"), [(1, 7_000_000, 2)]);
}

#[tokio::test]
async fn what_grows_after_a_purge_is_read_on_from_where_it_was() {
    let Desk { folder: _folder, store } = desk().await;
    append(&store, batch("/f", &[session("s")], events("s", 0..5))).await;
    purge(&store, &late()).await;
    let source = store.source("/f").await.expect("reads").expect("is there");
    store.rewind_source(source.number).await.expect("rewinds");
    let mut more = batch("/f", &[session("s")], events("s", 5..9));
    for record in &mut more.records {
        record.start += source.consumed;
        for body in record.events.iter_mut().flat_map(|new| &mut new.bodies) {
            if let Place::Content(start) = &mut body.place {
                *start += source.consumed;
            }
        }
    }
    if let Some(step) = &mut more.source {
        (step.base, step.consumed) = (Some(source.consumed), step.consumed + source.consumed);
    }
    assert_eq!(append(&store, more).await.added, 4);
    is_sound(&store).await;
    assert_eq!(store.session("s").await.expect("reads").expect("is there").events, 4);
}

#[tokio::test]
async fn space_comes_back_to_the_system() {
    let Desk { folder: _folder, store } = file_desk().await;
    let mut all = events("s", 0..2000);
    for (place, event) in all.iter_mut().enumerate() {
        event.label = hex::encode(digest(&place.to_le_bytes())).repeat(3);
    }
    append(&store, batch("/f", &[session("s")], all)).await;
    let before = store.room().await.expect("reads");
    let receipt = purge(&store, &late()).await;
    while store.return_space(Some(receipt.number)).await.expect("returns").more {}
    let after = store.room().await.expect("reads");
    assert!(after.bytes < before.bytes && after.free == 0, "{before:?} {after:?}");
    let pages = store.receipt(receipt.number).await.expect("reads").pages;
    assert!(pages > 0 && pages * 8192 >= before.bytes - after.bytes, "{pages} pages of {before:?} {after:?}");
    store.vacuum().await.expect("vacuums");
    assert!(store.room().await.expect("reads").bytes <= after.bytes);
    is_sound(&store).await;
}

/// An event whose output is these bytes, which lie in no source.
fn with_bytes(session_id: &str, number: usize, bytes: &[u8]) -> super::super::Batch {
    let mut batch =
        batch(&format!("/{session_id}/{number}"), &[session(session_id)], events(session_id, number..number + 1));
    let body = super::super::add_blob(&mut batch, Role::Output, bytes);
    batch.records[0].events[0].bodies = vec![body];
    batch
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_that_share_bytes_with_each_other_and_with_what_is_purged_keep_them() {
    let Desk { folder: _folder, store } = desk().await;
    let noise: Vec<u8> = (0..8_000_u32).flat_map(|number| digest(&number.to_le_bytes())).collect();
    let parts: Vec<Vec<u8>> = (0..4).map(|part| noise[part * 50_000..][..100_000].to_vec()).collect();
    let mut writing = Vec::new();
    for writer in 0..3 {
        let (address, parts) = (store.address().clone(), parts.clone());
        writing.push(tokio::spawn(async move {
            let store = Store::at(&address).await.expect("opens");
            for number in 0..8 {
                let batch = with_bytes(&format!("writer {writer}"), number, &parts[(number + writer) % parts.len()]);
                store.append(&[batch]).await.expect("appends");
            }
        }));
    }
    for (number, part) in parts.iter().enumerate().take(4) {
        append(&store, with_bytes("going", number, part)).await;
        purge(&store, &Scope { session: Some("going".to_owned()), ..late() }).await;
    }
    for writer in writing {
        writer.await.expect("writes");
    }
    purge(&store, &Scope { session: Some("going".to_owned()), ..late() }).await;
    is_sound(&store).await;
    for writer in 0..3 {
        assert_eq!(labels(&store, &format!("writer {writer}")).await.len(), 8);
    }
    assert_eq!(one(&store, "SELECT count(*) FROM bodies").await, 24);
}

#[tokio::test]
async fn bytes_that_were_sent_ahead_of_nothing_go_with_the_next_purge() {
    let Desk { folder: _folder, store } = desk().await;
    let noise: Vec<u8> = (0..8_000_u32).flat_map(|number| digest(&number.to_le_bytes())).collect();
    super::super::bytes::send_ahead(&store.writer, &[with_bytes("s", 0, &noise)]).await.expect("sends");
    append(&store, with_bytes("s", 1, &noise[..70_000])).await;
    purge(&store, &Scope { session: Some("nobody".to_owned()), ..late() }).await;
    is_sound(&store).await;
}
