//! Tokens of services that may send or read: what they hash to, never what they are.

use anyhow::{Result, bail};

use super::Store;
use super::engine::query;
use super::trouble::explain;

/// A token as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub name: String,
    /// SHA-256 of its text.
    pub digest: [u8; 32],
    /// What it is for: `ingest`, `read`.
    pub scopes: Vec<String>,
    /// µs since 1970, as those below.
    pub created: i64,
    /// When it ends by itself.
    pub expires: Option<i64>,
    /// When it was, or will be, revoked.
    pub revoked: Option<i64>,
}

impl Token {
    /// Whether it opens anything at this time.
    pub fn is_valid(&self, now: i64) -> bool {
        self.expires.is_none_or(|end| now < end) && self.revoked.is_none_or(|end| now < end)
    }
}

impl Store {
    /// Keeps a new token; the error says where its name is taken.
    pub async fn add_token(&self, token: &Token) -> Result<()> {
        let added = query(
            "INSERT INTO tokens (name, digest, scopes, created, expires, revoked) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (name) DO NOTHING",
        )
        .bind(&token.name)
        .bind(token.digest.as_slice())
        .bind(token.scopes.join(" "))
        .bind(token.created)
        .bind(token.expires)
        .bind(token.revoked)
        .execute(&self.writer)
        .await;
        let added = added.map_err(|error| explain(error.into(), &self.address))?;
        if added == 0 {
            bail!("there is, or was, a token named `{}`: take another name", token.name);
        }
        Ok(())
    }

    /// Gives a token another text. The old one is kept as `kept` and ends at `until`; both in one transaction.
    pub async fn rotate_token(&self, name: &str, digest: &[u8; 32], kept: &str, now: i64, until: i64) -> Result<()> {
        let mut transaction = self.begin().await?;
        query(
            "INSERT INTO tokens (name, digest, scopes, created, expires, revoked) \
             SELECT $2, digest, scopes, created, expires, $3 FROM tokens WHERE name = $1",
        )
        .bind(name)
        .bind(kept)
        .bind(until)
        .execute(&mut transaction)
        .await?;
        query("UPDATE tokens SET digest = $2, created = $3 WHERE name = $1")
            .bind(name)
            .bind(digest.as_slice())
            .bind(now)
            .execute(&mut transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// All tokens, the oldest first; those that are revoked or over too.
    pub async fn tokens(&self) -> Result<Vec<Token>> {
        let rows = query("SELECT name, digest, scopes, created, expires, revoked FROM tokens ORDER BY created, name")
            .fetch_all(&self.readers)
            .await?;
        rows.iter()
            .map(|row| {
                let (digest, scopes): (Vec<u8>, String) = (row.try_get(1)?, row.try_get(2)?);
                Ok(Token {
                    name: row.try_get(0)?,
                    digest: digest.try_into().map_err(|_| super::damaged("a token's digest is not 32 bytes"))?,
                    scopes: scopes.split_whitespace().map(str::to_owned).collect(),
                    created: row.try_get(3)?,
                    expires: row.try_get(4)?,
                    revoked: row.try_get(5)?,
                })
            })
            .collect()
    }

    /// Has a token end at a time; `false` where there is none of that name that goes on beyond it.
    pub async fn revoke_token(&self, name: &str, at: i64) -> Result<bool> {
        let done = query("UPDATE tokens SET revoked = $2 WHERE name = $1 AND (revoked IS NULL OR revoked > $2)")
            .bind(name)
            .bind(at)
            .execute(&self.writer)
            .await;
        let done = done.map_err(|error| explain(error.into(), &self.address))?;
        Ok(done > 0)
    }
}
