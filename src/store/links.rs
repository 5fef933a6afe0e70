//! Checks that what one table of a store names in another is there.

use anyhow::Result;

use super::Store;
use super::engine::query;

/// What may be missing, in words, and the statement that counts it and names the first.
const LINKS: [(&str, &str); 14] = [
    (
        "events of a session that is not there",
        "SELECT count(*), min(id) FROM events WHERE NOT EXISTS \
         (SELECT 1 FROM sessions WHERE sessions.session = events.session)",
    ),
    (
        "events of a record that is not there",
        "SELECT count(*), min(id) FROM events WHERE record IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM records WHERE records.record = events.record)",
    ),
    (
        "events without an identity",
        "SELECT count(*), min(id) FROM events WHERE NOT EXISTS (SELECT 1 FROM event_ids WHERE \
         event_ids.id = events.id AND event_ids.session = events.session AND event_ids.revision = events.revision)",
    ),
    (
        "identities of an event that is not there",
        "SELECT count(*), min(id) FROM event_ids WHERE NOT EXISTS \
         (SELECT 1 FROM events WHERE events.event = event_ids.event)",
    ),
    (
        "keys of an event that is not there",
        "SELECT count(*), CAST(min(event) AS TEXT) FROM event_keys WHERE NOT EXISTS \
         (SELECT 1 FROM events WHERE events.event = event_keys.event)",
    ),
    (
        "events with a key that is not there",
        "SELECT count(*), CAST(min(event) AS TEXT) FROM event_keys WHERE NOT EXISTS \
         (SELECT 1 FROM keys WHERE keys.key = event_keys.key)",
    ),
    (
        "attributes of an event that is not there",
        "SELECT count(*), CAST(min(event) AS TEXT) FROM attributes WHERE NOT EXISTS \
         (SELECT 1 FROM events WHERE events.event = attributes.event)",
    ),
    (
        "bodies of an event that is not there",
        "SELECT count(*), CAST(min(event) AS TEXT) FROM bodies WHERE NOT EXISTS \
         (SELECT 1 FROM events WHERE events.event = bodies.event)",
    ),
    (
        "origins of an event that is not there",
        "SELECT count(*), CAST(min(event) AS TEXT) FROM event_origins WHERE NOT EXISTS \
         (SELECT 1 FROM events WHERE events.event = event_origins.event)",
    ),
    (
        "origins in a record that is not there",
        "SELECT count(*), CAST(min(event) AS TEXT) FROM event_origins WHERE NOT EXISTS \
         (SELECT 1 FROM records WHERE records.record = event_origins.record)",
    ),
    (
        "records of a source that is not there",
        "SELECT count(*), CAST(min(record) AS TEXT) FROM records WHERE NOT EXISTS \
         (SELECT 1 FROM sources WHERE sources.source = records.source)",
    ),
    (
        "sources without their content",
        "SELECT count(*), min(path) FROM sources WHERE NOT EXISTS \
         (SELECT 1 FROM blobs WHERE blobs.blob = sources.blob)",
    ),
    (
        "blobs with a piece that is not there",
        "SELECT count(*), CAST(min(blob) AS TEXT) FROM blob_pieces WHERE NOT EXISTS \
         (SELECT 1 FROM pieces WHERE pieces.piece = blob_pieces.piece)",
    ),
    (
        "pieces of a blob that is not there",
        "SELECT count(*), CAST(min(blob) AS TEXT) FROM blob_pieces WHERE NOT EXISTS \
         (SELECT 1 FROM blobs WHERE blobs.blob = blob_pieces.blob)",
    ),
];

impl Store {
    /// What names something that is not there, a sentence for each sort.
    pub(super) async fn verify_links(&self) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        for (what, statement) in LINKS {
            let row = query(statement).fetch_one(&self.readers).await?;
            let (count, first): (i64, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
            if count > 0 {
                problems.push(format!("{count} {what}, such as {}", first.as_deref().unwrap_or("one without a name")));
            }
        }
        Ok(problems)
    }
}
