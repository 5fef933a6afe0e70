//! Kinship: which sessions hold the same events, which of them is the oldest, and whose each event is.
//!
//! All sessions that are tied by forks and copies are looked at together, so that the answer depends on what is
//! stored and not on the order in which it came.

use std::collections::{BTreeSet, HashMap};

use anyhow::Result;
use futures_util::TryStreamExt;

use super::engine::{Statement, Transaction, query};
use super::family::{Family, Held, Member};
use super::rows;
use crate::domain::flag;

/// The groups of kin that sessions belong to; a session without kin is in none.
pub(super) async fn groups(connection: &mut Transaction, sessions: &[i64]) -> Result<Vec<BTreeSet<i64>>> {
    let mut group_of: HashMap<i64, usize> = HashMap::new();
    let mut groups: Vec<BTreeSet<i64>> = Vec::new();
    let mut asked: BTreeSet<i64> = sessions.iter().copied().collect();
    let mut frontier = sessions.to_vec();
    while !frontier.is_empty() {
        let mut next = Vec::new();
        for (one, other) in ties(connection, &frontier).await? {
            join(&mut groups, &mut group_of, one, other);
            next.extend([one, other].into_iter().filter(|session| asked.insert(*session)));
        }
        frontier = next;
    }
    groups.retain(|group| !group.is_empty());
    Ok(groups)
}

/// Puts two sessions into one group.
fn join(groups: &mut Vec<BTreeSet<i64>>, group_of: &mut HashMap<i64, usize>, one: i64, other: i64) {
    let place = *group_of.entry(one).or_insert_with(|| {
        groups.push(BTreeSet::from([one]));
        groups.len() - 1
    });
    let joined = match group_of.get(&other) {
        Some(same) if *same == place => return,
        Some(theirs) => std::mem::take(&mut groups[*theirs]),
        None => BTreeSet::from([other]),
    };
    group_of.extend(joined.iter().map(|session| (*session, place)));
    groups[place].extend(joined);
}

/// Pairs of sessions of which one is asked for: they share events, or one says that it was forked from the other.
async fn ties(connection: &mut Transaction, sessions: &[i64]) -> Result<Vec<(i64, i64)>> {
    let mut pairs = Vec::new();
    for chunk in sessions.chunks(rows::CHUNK) {
        for statement in [
            "SELECT session, other FROM shared_sessions WHERE session IN (",
            "SELECT session, other FROM shared_sessions WHERE other IN (",
            "SELECT heir.session, kin.session FROM sessions heir JOIN sessions kin ON kin.id = heir.forked_from WHERE heir.session IN (",
            "SELECT heir.session, kin.session FROM sessions kin JOIN sessions heir ON heir.forked_from = kin.id WHERE kin.session IN (",
        ] {
            let mut query = Statement::new(statement);
            query.push_list(chunk.iter().copied());
            let found = query.push(")").build().persistent(chunk.len() == 1).fetch_all(&mut *connection).await?;
            for row in found {
                pairs.push((row.try_get(0)?, row.try_get(1)?));
            }
        }
    }
    Ok(pairs)
}

/// Marks what each session of a group has from an older one, and gives all of them one lineage.
///
/// Returns the sessions of which other events are inherited than before.
pub(super) async fn settle(connection: &mut Transaction, group: &BTreeSet<i64>) -> Result<Vec<i64>> {
    let mut members = Vec::with_capacity(group.len());
    for session in group {
        members.push(member(connection, *session).await?);
    }
    let family = Family::of(members);
    let mut changed = Vec::new();
    for (member, inherited) in family.inherited() {
        let wrong = |is: bool| inherited.iter().filter(move |(held, now)| *now == is && held.is_inherited != is);
        for (is, change) in [(true, "flags | "), (false, "flags & ~")] {
            let events: Vec<i64> = wrong(is).map(|(held, _)| held.event).collect();
            for chunk in events.chunks(rows::CHUNK) {
                let mut update = Statement::new("UPDATE events SET flags = ");
                update.push(change).push_bind(flag::INHERITED).push(" WHERE event IN (");
                update.push_list(chunk.iter().copied());
                update.push(")").build().persistent(chunk.len() == rows::CHUNK).execute(&mut *connection).await?;
            }
            if !events.is_empty() {
                changed.push(member.session);
            }
        }
    }
    let lineage = family.lineage();
    for member in family.members().filter(|member| member.parent.is_none() && member.lineage != lineage) {
        super::settle::set_lineage(connection, member.session, &lineage).await?;
    }
    changed.dedup();
    Ok(changed)
}

async fn member(connection: &mut Transaction, session: i64) -> Result<Member> {
    let row = query("SELECT id, parent, lineage, forked_from FROM sessions WHERE session = $1")
        .bind(session)
        .fetch_one(&mut *connection)
        .await?;
    Ok(Member {
        session,
        id: row.try_get(0)?,
        parent: row.try_get(1)?,
        lineage: row.try_get(2)?,
        forked_from: row.try_get(3)?,
        held: held(connection, session).await?,
    })
}

/// The events of a session in its order, each with what makes it the same event in another session.
async fn held(connection: &mut Transaction, session: i64) -> Result<Vec<Held>> {
    let mut rows = query(
        "SELECT events.event, events.order_time, events.flags, events.id, event_ids.content, records.copied FROM events \
         JOIN event_ids ON event_ids.id = events.id AND event_ids.session = events.session \
         AND event_ids.revision = events.revision LEFT JOIN records ON records.record = events.record WHERE events.session = $1 ORDER BY events.order_time, events.origin, events.sequence, events.id, events.revision",
    )
    .bind(session)
    .fetch(connection);
    let mut held = Vec::new();
    while let Some(row) = rows.try_next().await? {
        let flags: i64 = row.try_get(2)?;
        let id: &str = row.try_get(3)?;
        // One record may give several events; what stands behind the `#` tells them apart.
        let part = id.split_once('#').map_or("", |(_, part)| part);
        let copied: Option<i64> = row.try_get(5)?;
        held.push(Held {
            event: row.try_get(0)?,
            time: row.try_get(1)?,
            name: Held::name(id, row.try_get(4)?),
            copied: copied.map(|hash| Held::name(part, &hash.to_le_bytes())),
            is_inherited: flags & flag::INHERITED != 0,
            is_purged: flags & flag::PURGED != 0,
        });
    }
    Ok(held)
}
