//! What a search leaves out because of the pieces, which must never be what it would find.

use turnscope::domain::Session;
use turnscope::report::{Query, Search, Sifting};
use turnscope::store::Store;

/// Words that are rare and frequent, of other scripts, and parts of what people type.
const ASKED: [&str; 7] = ["error", "美香", "conductor", "lit:E", "\"not found\"", "naïve", "zzz"];
/// So many words of labels are asked for beside them.
const OF_LABELS: usize = 5;

/// Looks for words in a store in both ways. Returns how many of them were sifted to a part of all events.
pub async fn finds_all(store: &Store) -> usize {
    let sessions = store.sessions().await.expect("reads");
    let all: i64 = sessions.iter().map(|session| session.events).sum();
    let mut parts = 0;
    let words: Vec<String> =
        ASKED.iter().map(|word| (*word).to_owned()).chain(words_of(store, &sessions).await).collect();
    for word in &words {
        let query = Query::parse(word).expect("is a query");
        let events = usize::try_from(i64::MAX).expect("a number");
        let Some(sifted) = Sifting::start(store, &query, events).wait().await else { continue };
        let mut kept = 0;
        for session in &sessions {
            let of_session = sifted.of(session.number);
            kept += of_session.len() as i64;
            let mut search = Search::of(store, session, &query, None).await.expect("reads");
            while let Some(found) = search.next().await.expect("searches") {
                for hit in found {
                    let is_kept = of_session.contains(&hit.event.number);
                    assert!(is_kept, "{word}: {} of {} was left out: {}", hit.event.id, session.id, hit.snippet);
                }
            }
        }
        parts += usize::from(kept < all);
    }
    parts
}

/// The longest word of a few labels.
async fn words_of(store: &Store, sessions: &[Session]) -> Vec<String> {
    let mut words = Vec::new();
    for session in sessions.iter().step_by((sessions.len() / OF_LABELS).max(1)) {
        let heads = store.heads(session.number, None).await.expect("reads");
        let Some(middle) = heads.get(heads.len() / 2) else { continue };
        let events = store.events(&[middle.number]).await.expect("reads");
        let label = events.first().map_or("", |event| event.label.as_str());
        let longest = label.split(|letter: char| !letter.is_alphanumeric()).max_by_key(|word| word.len());
        words.extend(longest.filter(|word| !word.is_empty()).map(str::to_owned));
    }
    words
}
