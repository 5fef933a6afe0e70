//! Checks a store against its own digests: every piece, every whole blob, every record and every body; and that what
//! its tables name in each other is there.
//!
//! Blobs are read along once, in parts; what is said of their bytes comes from the database in the same order.

use std::collections::{HashSet, VecDeque};

use anyhow::Result;
use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};

use super::engine::{Engine, Row, query};
use super::pieces::unpack;
use super::{Store, bytes, digest, rows};
use crate::domain::{Role, flag};

/// Problems beyond this many are only counted.
const TOLD: usize = 100;
/// Bytes of a blob that are read at a time.
const PART: i64 = 1 << 20;

/// What is said of bytes, blob by blob, in the order in which they lie.
const CLAIMS: &str = "SELECT blob, start, size, digest, record, event, role FROM (\
     SELECT sources.blob AS blob, records.start AS start, records.size AS size, records.digest AS digest, \
     records.record AS record, CAST(NULL AS BIGINT) AS event, CAST(NULL AS BIGINT) AS role FROM records JOIN sources ON sources.source = records.source \
     WHERE records.purged IS NULL UNION ALL SELECT blob, start, size, digest, CAST(NULL AS BIGINT), event, role FROM bodies) AS claims ORDER BY blob, start";

/// What the check of a store found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Soundness {
    pub pieces: u64,
    pub records: u64,
    pub bodies: u64,
    /// Bodies that slices named and did not hold, as their events say.
    pub missing: u64,
    /// All events that are stored.
    pub events: u64,
    /// Those of them of which retention left only the tombstones.
    pub purged: u64,
    /// What does not agree, one sentence each; empty when all is well.
    pub problems: Vec<String>,
    untold: usize,
}

impl Soundness {
    fn problem(&mut self, problem: String) {
        if self.problems.len() < TOLD { self.problems.push(problem) } else { self.untold += 1 }
    }
}

/// What has a digest.
#[derive(Debug, Clone, Copy)]
enum What {
    Blob(i64),
    Record(i64),
    Body(i64, Role),
}

/// Some bytes of a blob, and what they must hash to.
struct Claim {
    what: What,
    blob: i64,
    start: i64,
    size: i64,
    digest: [u8; 32],
}

impl Claim {
    fn of(row: &Row) -> Result<Self> {
        let what = match row.try_get(4)? {
            Some(record) => What::Record(record),
            None => What::Body(row.try_get(5)?, rows::role_of(row.try_get(6)?)?),
        };
        let digest = bytes::digest_of_row(row.try_get(3)?)?;
        Ok(Self { what, blob: row.try_get(0)?, start: row.try_get(1)?, size: row.try_get(2)?, digest })
    }
}

impl Store {
    /// Recomputes every digest. `watch` is told how many bytes are done, and how many there are.
    pub async fn verify(&self, watch: &mut (dyn FnMut(i64, i64) + Send)) -> Result<Soundness> {
        let mut found = Soundness::default();
        self.verify_pages(&mut found).await?;
        self.verify_links().await?.into_iter().for_each(|problem| found.problem(problem));
        self.verify_keys().await?.into_iter().for_each(|problem| found.problem(problem));
        let sizes = query(
            "SELECT (SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM pieces), \
                 (SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM blobs), (SELECT count(*) FROM events), \
                 (SELECT count(*) FROM events WHERE flags & $1 <> 0)",
        );
        let sizes = sizes.bind(flag::PURGED).fetch_one(&self.readers).await?;
        let (in_pieces, in_blobs): (i64, i64) = (sizes.try_get(0)?, sizes.try_get(1)?);
        found.events = sizes.try_get::<i64>(2)?.unsigned_abs();
        found.purged = sizes.try_get::<i64>(3)?.unsigned_abs();
        let all = in_pieces.saturating_add(in_blobs);
        self.verify_pieces(&mut found, &mut |done| watch(done, all)).await?;
        self.verify_blobs(&mut found, &mut |done| watch(in_pieces.saturating_add(done), all)).await?;
        if found.untold > 0 {
            found.problems.push(format!("and {} more", found.untold));
        }
        Ok(found)
    }

    /// What the database itself finds wrong with its pages and indexes.
    async fn verify_pages(&self, found: &mut Soundness) -> Result<()> {
        if self.engine() == Engine::Postgres {
            // Its own files are the server's affair; it says so when it meets damage.
            return Ok(());
        }
        let told = query("PRAGMA integrity_check").fetch_all(&self.readers).await?;
        for row in told {
            let words: String = row.try_get(0)?;
            if words != "ok" {
                found.problem(format!("the database file is damaged: {words}"));
            }
        }
        Ok(())
    }

    async fn verify_pieces(&self, found: &mut Soundness, watch: &mut (dyn FnMut(i64) + Send)) -> Result<()> {
        let mut stored =
            query("SELECT piece, digest, size, codec, bytes FROM pieces ORDER BY piece").fetch(&self.readers);
        let mut done = 0;
        while let Some(row) = stored.try_next().await? {
            let (piece, name, size): (i64, Vec<u8>, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            match unpack(row.try_get(3)?, size, row.try_get(4)?) {
                Ok(plain) if digest(&plain).as_slice() == name => {}
                Ok(plain) => {
                    let now = hex::encode(digest(&plain));
                    found.problem(format!("piece {piece} is named {} and hashes to {now}", hex::encode(name)));
                }
                Err(error) => found.problem(format!("piece {piece}: {error:#}")),
            }
            found.pieces += 1;
            done += size;
            watch(done);
        }
        Ok(())
    }

    async fn verify_blobs(&self, found: &mut Soundness, watch: &mut (dyn FnMut(i64) + Send)) -> Result<()> {
        let mut blobs = query("SELECT blob, digest, size FROM blobs ORDER BY blob").fetch(&self.readers);
        let mut claims = query(CLAIMS).fetch(&self.readers);
        let mut next = claims.try_next().await?.map(|row| Claim::of(&row)).transpose()?;
        let absent = self.absent().await?;
        let mut done = 0;
        while let Some(row) = blobs.try_next().await? {
            let (blob, name, size): (i64, Option<Vec<u8>>, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let mut own = VecDeque::new();
            if let Some(name) = name {
                let digest = bytes::digest_of_row(name)?;
                own.push_back(Claim { what: What::Blob(blob), blob, start: 0, size, digest });
            }
            while let Some(claim) = next.take_if(|claim| claim.blob <= blob) {
                next = claims.try_next().await?.map(|row| Claim::of(&row)).transpose()?;
                if claim.blob == blob { own.push_back(claim) } else { self.lost(&claim, found).await? }
            }
            if absent.contains(&blob) {
                found.missing += own.iter().filter(|claim| matches!(claim.what, What::Body(..))).count() as u64;
            } else {
                self.verify_blob(blob, size, own, found).await?;
            }
            done += size;
            watch(done);
        }
        while let Some(claim) = next {
            self.lost(&claim, found).await?;
            next = claims.try_next().await?.map(|row| Claim::of(&row)).transpose()?;
        }
        Ok(())
    }

    /// The blobs that came without their bytes, as the events that name them say.
    async fn absent(&self) -> Result<HashSet<i64>> {
        let found = query(
            "SELECT blob FROM blobs WHERE digest IS NOT NULL AND size > 0 \
             AND NOT EXISTS (SELECT 1 FROM blob_pieces WHERE blob_pieces.blob = blobs.blob) \
             AND EXISTS (SELECT 1 FROM bodies JOIN attributes ON attributes.event = bodies.event \
             WHERE bodies.blob = blobs.blob AND bodies.start = 0 AND attributes.name = 'blob_missing')",
        )
        .fetch_all(&self.readers)
        .await?;
        found.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Reads one blob along, and hashes what is said of it on the way.
    async fn verify_blob(
        &self,
        blob: i64,
        size: i64,
        mut claims: VecDeque<Claim>,
        found: &mut Soundness,
    ) -> Result<()> {
        let mut open: Vec<(Claim, Sha256)> = Vec::new();
        let mut spans = self.spans_to_verify(blob, size).await?.into_iter();
        let (mut at, mut until) = spans.next().unwrap_or((0, 0));
        loop {
            let part = match self.read(blob, at, PART.min(until - at)).await {
                Ok(part) => {
                    if part.is_empty() && at < until {
                        found.problem(format!("blob {blob}: {at} of its {size} bytes are there"));
                    }
                    part
                }
                Err(error) if error.is::<super::Damaged>() => {
                    found.problem(format!("blob {blob}, from byte {at}: {error:#}"));
                    Vec::new()
                }
                Err(error) => return Err(error),
            };
            let end = at + part.len() as i64;
            while let Some(claim) = claims.pop_front_if(|claim| claim.start < end || claim.start + claim.size <= end) {
                open.push((claim, Sha256::new()));
            }
            for (claim, hasher) in &mut open {
                let inside = |offset: i64| usize::try_from((offset.clamp(at, end)) - at);
                hasher.update(&part[inside(claim.start)?..inside(claim.start.saturating_add(claim.size))?]);
            }
            let (closed, still): (Vec<_>, Vec<_>) =
                open.into_iter().partition(|(claim, _)| claim.start.saturating_add(claim.size) <= end);
            for (claim, hasher) in closed {
                self.compare(&claim, hasher.finalize().into(), found).await?;
            }
            (open, at) = (still, end);
            if part.is_empty() || at >= until {
                let Some(span) = spans.next() else { break };
                (at, until) = span;
            }
        }
        for claim in open.into_iter().map(|(claim, _)| claim).chain(claims) {
            self.lost(&claim, found).await?;
        }
        Ok(())
    }

    /// All of a blob, or what is left of it where records were purged.
    async fn spans_to_verify(&self, blob: i64, size: i64) -> Result<Vec<(i64, i64)>> {
        if self.is_purged(blob).await? { self.spans_of(blob).await } else { Ok(vec![(0, size)]) }
    }

    async fn compare(&self, claim: &Claim, now: [u8; 32], found: &mut Soundness) -> Result<()> {
        match claim.what {
            What::Record(_) => found.records += 1,
            What::Body(..) => found.bodies += 1,
            What::Blob(_) => {}
        }
        if now != claim.digest {
            let name = self.name(claim).await?;
            found.problem(format!("{name}: hashes to {}, not to {}", hex::encode(now), hex::encode(claim.digest)));
        }
        Ok(())
    }

    /// Tells of what has lost bytes.
    async fn lost(&self, claim: &Claim, found: &mut Soundness) -> Result<()> {
        let name = self.name(claim).await?;
        found.problem(format!("{name}: some of its {} bytes are missing", claim.size));
        Ok(())
    }

    /// What a person knows it by.
    async fn name(&self, claim: &Claim) -> Result<String> {
        Ok(match claim.what {
            What::Blob(blob) => format!("blob {blob}"),
            What::Record(record) => {
                let wanted = "SELECT sources.path FROM records JOIN sources ON sources.source = records.source \
                             WHERE records.record = $1";
                let row = query(wanted).bind(record).fetch_optional(&self.readers).await?;
                let path: String = row.map_or_else(|| Ok(format!("record {record}")), |row| row.try_get(0))?;
                format!("{path}, the record at byte {}", claim.start)
            }
            What::Body(event, role) => {
                let wanted = "SELECT events.id, sessions.id FROM events JOIN sessions \
                             ON sessions.session = events.session WHERE events.event = $1";
                let row = query(wanted).bind(event).fetch_optional(&self.readers).await?;
                let (id, session): (String, String) = match row {
                    Some(row) => (row.try_get(0)?, row.try_get(1)?),
                    None => (event.to_string(), "gone".to_owned()),
                };
                format!("session {session}, event {id}, its {}", role.name())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Kind;
    use crate::store::tests::{Desk, append, batch, desk, event, session};
    use crate::store::{NewBlob, NewBody, Packer, Place};

    /// Two records, each the output of its event; the first event has an input of its own, longer than one part.
    async fn filled() -> Desk {
        let desk = desk().await;
        let events = vec![event("s", "one", 1, Kind::Tool), event("s", "two", 2, Kind::Tool)];
        let mut whole = batch("/a.jsonl", &[session("s")], events);
        let input: Vec<u8> =
            (0..3u32 << 20).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let mut packer = Packer::default();
        packer.push(&input);
        packer.end_record();
        let (size, digest) = (input.len() as i64, digest(&input));
        whole.blobs = vec![NewBlob { digest, size, start: 0, pieces: packer.take() }];
        let body = NewBody { role: Role::Input, place: Place::Blob, size, digest };
        whole.records[0].events[0].bodies.push(body);
        append(&desk.store, whole).await;
        desk
    }

    async fn problems(desk: &Desk) -> Vec<String> {
        desk.store.verify(&mut |_, _| {}).await.expect("can be checked").problems
    }

    async fn spoil(desk: &Desk, statement: &'static str, bytes: &[u8]) {
        let spoiling = query(statement);
        let spoiling = if statement.contains("$1") { spoiling.bind(bytes) } else { spoiling };
        let done = spoiling.execute(&desk.store.writer).await.expect("is a statement");
        assert!(done > 0, "{statement}");
    }

    #[tokio::test]
    async fn a_store_that_nobody_touched_is_sound_and_all_of_it_is_counted() {
        let desk = filled().await;
        let mut steps = Vec::new();
        let found = desk.store.verify(&mut |done, all| steps.push((done, all))).await.expect("can be checked");
        assert_eq!((found.records, found.bodies, found.problems), (2, 3, Vec::<String>::new()));
        assert!(found.pieces > 50, "{}", found.pieces);
        assert!(steps.is_sorted() && steps.last().is_some_and(|(done, all)| done == all), "{:?}", steps.last());
    }

    #[tokio::test]
    async fn every_change_is_found_and_named_by_what_a_person_knows() {
        let of_source = "the record at byte 4: hashes to";
        for (statement, bytes, expected) in [
            (
                "UPDATE pieces SET bytes = $1 WHERE size = 8",
                &b"one\nxwo\n"[..],
                &["and hashes to", of_source, "event two, its output"][..],
            ),
            ("UPDATE records SET digest = $1 WHERE start = 4", &[0; 32], &[of_source]),
            ("UPDATE bodies SET digest = $1 WHERE role = 0", &[0; 32], &["session s, event one, its input: hashes to"]),
            (
                "UPDATE records SET size = 99 WHERE start = 4",
                &[],
                &["/a.jsonl, the record at byte 4: some of its 99 bytes are missing"],
            ),
            ("UPDATE blobs SET digest = $1 WHERE digest IS NOT NULL", &[0; 32], &["blob 2: hashes to"]),
            (
                "UPDATE pieces SET bytes = $1, codec = 1 WHERE piece = 20",
                &[0; 9],
                &["piece 20", "its input: some of its"],
            ),
            (
                "DELETE FROM blob_pieces WHERE start > 2000000",
                &[],
                &["of its 12582912 bytes are there", "event one, its input"],
            ),
            ("DELETE FROM blobs WHERE digest IS NOT NULL", &[], &["event one, its input: some of its"]),
            ("DELETE FROM sessions", &[], &["2 events of a session that is not there, such as one"]),
            ("DELETE FROM event_ids WHERE id = 'two'", &[], &["1 events without an identity, such as two"]),
            ("UPDATE event_ids SET event = 99 WHERE id = 'two'", &[], &["1 identities of an event that is not there"]),
            ("UPDATE events SET record = 99 WHERE id = 'one'", &[], &["1 events of a record that is not there"]),
            ("UPDATE bodies SET event = 99 WHERE role = 0", &[], &["1 bodies of an event that is not there"]),
            ("UPDATE records SET source = 99", &[], &["2 records of a source that is not there"]),
            ("DELETE FROM pieces WHERE piece = 20", &[], &["1 blobs with a piece that is not there"]),
        ] {
            let desk = filled().await;
            spoil(&desk, statement, bytes).await;
            let told = problems(&desk).await;
            for words in expected {
                assert!(told.iter().any(|problem| problem.contains(words)), "{statement}: {words}: {told:#?}");
            }
        }
    }
}
