//! Ids of any length: what is stored under them is found, is there once, and is told apart from what begins alike.

use super::tests::{append, batch, desk, event, session};
use super::{Annotation, Hold, digest};
use crate::domain::{Key, KeyKind, Kind, Session};

/// A text that nothing makes shorter; texts of different sizes begin alike.
fn long(size: usize) -> String {
    let mut text = String::new();
    while text.len() < size {
        text.push_str(&hex::encode(digest(text.as_bytes())));
    }
    text.truncate(size);
    text
}

#[tokio::test]
async fn ids_of_any_length_are_found_and_told_apart() {
    let (one, other, home, path) = (long(5_000), long(5_001), long(9_000), format!("/{}", long(4_000)));
    let desk = desk().await;
    let whose = Session { room: Some(long(3_000)), parent: Some(long(7_000)), ..session(&home) };
    let mut events: Vec<_> = [&one, &other, &format!("{one}#1"), &format!("{one}#2")]
        .into_iter()
        .zip(1..)
        .map(|(id, time)| event(&home, id, time, Kind::Tool))
        .collect();
    for event in &mut events {
        event.keys = vec![Key::native(KeyKind::ToolCall, long(3_000)), Key::native(KeyKind::Request, event.id.clone())];
        event.turn = Some(long(2_800));
    }
    let told = || batch(&path, std::slice::from_ref(&whose), events.clone());
    let added = append(&desk.store, told()).await;
    assert_eq!((added.added, added.duplicates, added.conflicts), (4, 0, 0));
    let mut again = told();
    again.source.as_mut().expect("has one").path = format!("{path}-2");
    let again = append(&desk.store, again).await;
    assert_eq!((again.added, again.duplicates), (0, 4));

    let found = desk.store.session(&home).await.expect("reads").expect("is there");
    assert_eq!((found.events, found.room.as_ref()), (4, whose.room.as_ref()));
    assert_eq!(desk.store.sessions().await.expect("reads").len(), 1);
    assert_eq!(desk.store.source(&path).await.expect("reads").expect("is there").path, path);
    let numbers: Vec<i64> =
        desk.store.heads(found.number, None).await.expect("reads").iter().map(|head| head.number).collect();
    let read = desk.store.events(&numbers).await.expect("reads");
    assert_eq!(
        read.iter().map(|event| &event.id).collect::<Vec<_>>(),
        events.iter().map(|event| &event.id).collect::<Vec<_>>()
    );
    // The record's own id finds what came from it; the other begins alike and did not.
    let named = desk.store.named(found.number, &one).await.expect("reads");
    assert_eq!(named, [numbers[0], numbers[2], numbers[3]]);
    assert_eq!(desk.store.named(found.number, &other).await.expect("reads"), [numbers[1]]);
    let lineage = &found.lineage;
    let shared = desk.store.sharing(lineage, &events[0].keys).await.expect("reads");
    assert_eq!(shared, [(events[0].keys[0].clone(), numbers.clone())]);
    assert_eq!(desk.store.holding(lineage, &other).await.expect("reads"), Some((KeyKind::Request, vec![numbers[1]])));

    for note in ["first", "second"] {
        let (session, row) = (home.clone(), one.clone());
        let note = Annotation { session, row, marked: true, note: Some(note.to_owned()) };
        desk.store.annotate(&note).await.expect("notes");
        desk.store.hold(&Hold { session: home.clone(), reason: note.note, held: 1 }).await.expect("holds");
    }
    let notes = desk.store.annotations(&home).await.expect("reads");
    assert_eq!(notes.iter().map(|note| note.note.as_deref()).collect::<Vec<_>>(), [Some("second")]);
    assert_eq!(desk.store.all_holds().await.expect("reads").len(), 1);
}
