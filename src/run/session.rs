//! Which session is meant: an id, the beginning of one, `last`, or a room.

use anyhow::{Result, bail};

use crate::domain::{Session, Timestamp};
use crate::store::Store;

/// Candidates that an error lists.
const MOST: usize = 10;

/// The one session that is meant; the error lists those that might have been.
pub async fn find(store: &Store, name: &str) -> Result<Session> {
    if let Some(session) = store.session(name).await? {
        return Ok(session);
    }
    choose(&store.sessions().await?, name).cloned()
}

fn choose<'a>(sessions: &'a [Session], name: &str) -> Result<&'a Session> {
    if name == "last" {
        return match last(sessions) {
            Some(session) => Ok(session),
            None => bail!("there is no session yet: bring some in with `turnscope import`"),
        };
    }
    // What is recorded under an id of its sender's is called `session:ID`.
    let own = |session: &Session| session.id.strip_prefix("session:").is_some_and(|own| own.starts_with(name));
    let is_named = |session: &Session| session.id.starts_with(name) || own(session);
    let meant = |session: &&Session| is_named(session) || session.room.as_deref() == Some(name);
    let found: Vec<&Session> = sessions.iter().filter(meant).collect();
    match found.as_slice() {
        [session] => Ok(session),
        [] if sessions.is_empty() => bail!("no session `{name}`: the store is empty"),
        [] => bail!("no session `{name}`; the newest are:\n{}", list(&sessions.iter().collect::<Vec<_>>())),
        several => bail!("`{name}` fits {} sessions, write more of the id:\n{}", several.len(), list(several)),
    }
}

/// The session with the newest event, children excluded.
fn last(sessions: &[Session]) -> Option<&Session> {
    let newest = |session: &&Session| session.ended.or(session.started).map_or(i64::MIN, |Timestamp(time)| time);
    let mut found: Option<&Session> = None;
    for session in sessions.iter().filter(|session| session.parent.is_none()) {
        // Of equally new ones the first listed is meant.
        if found.is_none_or(|known| newest(&session) > newest(&known)) {
            found = Some(session);
        }
    }
    found
}

fn list(sessions: &[&Session]) -> String {
    let mut lines: Vec<String> = sessions
        .iter()
        .take(MOST)
        .map(|session| {
            let title = session.title.as_deref().map(|title| crate::domain::excerpt(title, 60)).unwrap_or_default();
            format!("  {}  {}  {title}", session.id, session.agent).trim_end().to_owned()
        })
        .collect();
    if sessions.len() > MOST {
        lines.push(format!("  and {} more: `turnscope sessions` lists them", sessions.len() - MOST));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(id: &str, parent: Option<&str>, room: Option<&str>, ended: i64) -> Session {
        Session {
            id: id.to_owned(),
            parent: parent.map(str::to_owned),
            room: room.map(str::to_owned),
            ended: Some(Timestamp(ended)),
            ..Session::default()
        }
    }

    fn known() -> Vec<Session> {
        vec![
            session("abc-1", None, Some("blue"), 5),
            session("abd-2", None, Some("green"), 9),
            session("agent-7@abd-2", Some("abd-2"), None, 12),
            session("x9", None, Some("green"), 3),
        ]
    }

    fn chosen(name: &str) -> Result<String> {
        choose(&known(), name).map(|session| session.id.clone())
    }

    #[test]
    fn a_unique_beginning_a_room_and_last_are_understood() {
        assert_eq!(chosen("abc").expect("unique"), "abc-1");
        assert_eq!(chosen("blue").expect("one room"), "abc-1");
        assert_eq!(chosen("last").expect("newest"), "abd-2");
    }

    #[test]
    fn unknown_and_ambiguous_names_list_candidates() {
        for (name, reason) in [("ab", "fits 2 sessions"), ("green", "fits 2 sessions"), ("zzz", "no session `zzz`")] {
            let error = chosen(name).expect_err("not one").to_string();
            assert!(error.contains(reason) && error.contains("abd-2"), "{error}");
        }
        assert!(choose(&[], "last").is_err());
    }
}
