//! `turnscope token`: the tokens of those who send, of which only digests are kept.

use anyhow::{Result, bail};
use serde::Serialize;

use super::location::Location;
use super::output::Output;
use super::table::{Column, Fit, Table};
use super::{Ended, tell, usage};
use crate::cli::{TokenAction, TokenLine};
use crate::domain::Timestamp;
use crate::domain::filter::parse_length;
use crate::ingest::digest;
use crate::store::{Store, Token};

const COLUMNS: [Column; 5] = [
    Column::left("name", Fit::Whole),
    Column::left("scopes", Fit::Whole),
    Column::left("created", Fit::Yields(2)),
    Column::left("expires", Fit::Yields(1)),
    Column::left("state", Fit::Whole),
];

/// Between the name of a token and the end of a text that it had before.
const UNTIL: &str = " until ";

/// The names and their order are fixed.
#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    scopes: &'a [String],
    created: String,
    expires: Option<String>,
    revoked: Option<String>,
    valid: bool,
}

pub async fn token(location: &Location, wanted: &TokenLine, output: &mut Output) -> Result<Ended> {
    match &wanted.action {
        TokenAction::Add { name, scope, expires } => {
            let store = location.open_or_make().await?;
            let end = expires.as_deref().map(after).transpose()?;
            let scopes = scope.iter().map(|scope| scope.name().to_owned()).collect();
            let secret = add(&store, name, scopes, end).await?;
            told(&secret, name, output)?;
        }
        TokenAction::Rotate { name, keep } => {
            let store = location.open().await?;
            let Some(old) = store.tokens().await?.into_iter().find(|token| &token.name == name) else {
                bail!("there is no token named `{name}`");
            };
            if !old.is_valid(now()) {
                bail!("the token `{name}` has ended: make one of another name with `turnscope token add`");
            }
            let secret = store_rotated(&store, &old, after(keep)?).await?;
            told(&secret, name, output)?;
        }
        TokenAction::List => {
            if let Some(store) = location.open_if_there().await? {
                list(&store, output).await?;
            }
        }
        TokenAction::Revoke { name } => {
            let store = location.open().await?;
            let mut is_done = false;
            for name in names_of(&store, name).await? {
                is_done |= store.revoke_token(&name, now()).await?;
            }
            if !is_done {
                bail!("there is no token named `{name}` that could be revoked");
            }
            tell(&format!("revoked: {name}; a running server refuses it within a second"));
        }
    }
    Ok(Ended::Well)
}

async fn add(store: &Store, name: &str, scopes: Vec<String>, expires: Option<i64>) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(usage("a token needs a name of ordinary letters"));
    }
    let secret = secret();
    let token =
        Token { name: name.to_owned(), digest: digest(&secret), scopes, created: now(), expires, revoked: None };
    store.add_token(&token).await?;
    Ok(secret)
}

/// Gives a token a new text; the old text opens the same for a while, under the name with its end behind it.
async fn store_rotated(store: &Store, old: &Token, until: i64) -> Result<String> {
    let secret = secret();
    let kept = format!("{}{UNTIL}{}", old.name, Timestamp(until).rfc3339());
    store.rotate_token(&old.name, &digest(&secret), &kept, now(), until).await?;
    Ok(secret)
}

/// The name of a token, and those under which texts that were replaced still open the same.
async fn names_of(store: &Store, name: &str) -> Result<Vec<String>> {
    let is_replaced = |other: &str| {
        let until = other.strip_prefix(name).and_then(|rest| rest.strip_prefix(UNTIL));
        until.is_some_and(|until| Timestamp::parse(until).is_some())
    };
    let all = store.tokens().await?.into_iter().map(|token| token.name);
    Ok(all.filter(|other| other == name || is_replaced(other)).collect())
}

/// 256 bits that nobody can guess, with a beginning by which scanners of secrets know them.
fn secret() -> String {
    format!("turnscope_{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple())
}

/// The token itself goes to stdout, so that a script can take it; it is shown this once.
fn told(secret: &str, name: &str, output: &mut Output) -> Result<()> {
    if output.json {
        output.object(&serde_json::json!({"name": name, "token": secret}))
    } else {
        tell("this token is shown once, and only its digest is kept");
        output.line(secret)
    }
}

async fn list(store: &Store, output: &mut Output) -> Result<()> {
    let now = now();
    let mut table = Table::new(&COLUMNS);
    for token in store.tokens().await? {
        let valid = token.is_valid(now);
        let time = |at: Option<i64>| at.map(|at| Timestamp(at).rfc3339());
        if output.json {
            output.object(&Shown {
                name: &token.name,
                scopes: &token.scopes,
                created: Timestamp(token.created).rfc3339(),
                expires: time(token.expires),
                revoked: time(token.revoked),
                valid,
            })?;
            continue;
        }
        let state = match (valid, token.revoked) {
            (true, None) => "valid",
            (true, Some(_)) => "being replaced",
            (false, Some(at)) if at <= now => "revoked",
            (false, _) => "expired",
        };
        table.row(vec![
            token.name,
            token.scopes.join(","),
            output.time(Some(Timestamp(token.created))),
            output.time(token.expires.map(Timestamp)),
            state.to_owned(),
        ]);
    }
    if output.json { Ok(()) } else { table.print(output) }
}

/// So long from now: `90d`, `12h`. µs since 1970.
fn after(text: &str) -> Result<i64> {
    match parse_length(text) {
        Some(length) if length > 0 => Ok(now().saturating_add(length)),
        _ => Err(usage(format!("`{text}` is no length of time such as 90d, 12h or \"2 weeks\""))),
    }
}

/// µs since 1970.
fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}
