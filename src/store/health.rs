//! How the store is: its schema and engine, what it holds, and which records no rule understood.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::engine::{Engine, query};
use super::trouble::explain;
use super::{Store, open, server};
use crate::domain::flag;

/// What is told of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    pub schema: i64,
    /// Its database, with the version.
    pub engine: String,
    pub may_write: bool,
    pub sessions: i64,
    pub events: i64,
    pub drift: Vec<Drift>,
}

/// Records of one agent that are not what its rules expect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    pub agent: String,
    pub records: i64,
    /// Records that could not be read.
    pub bad: i64,
    /// Events of types that no rule knows, the most frequent first.
    pub unknown: Vec<(String, i64)>,
}

impl Store {
    /// The schema that this version makes.
    pub fn newest_schema(engine: Engine) -> i64 {
        match engine {
            Engine::Sqlite => open::newest_schema(),
            Engine::Postgres => server::current(),
        }
    }

    pub async fn health(&self) -> Result<Health> {
        let (schema, engine) = match self.engine() {
            Engine::Sqlite => ("PRAGMA user_version", "SELECT 'SQLite ' || sqlite_version()"),
            Engine::Postgres => {
                ("SELECT version FROM schema_version", "SELECT 'PostgreSQL ' || current_setting('server_version')")
            }
        };
        let engine: String = query(engine).fetch_one(&self.readers).await?.try_get(0)?;
        let schema: i64 = query(schema).fetch_one(&self.readers).await?.try_get(0)?;
        let (sessions, events) = self.counts().await?;
        let drift = self.drift().await?;
        Ok(Health { schema, engine, may_write: self.may_write, sessions, events, drift })
    }

    async fn drift(&self) -> Result<Vec<Drift>> {
        let rows = query(
            "SELECT importer, CAST(sum(records) AS BIGINT), CAST(sum(bad) AS BIGINT) FROM sources GROUP BY importer \
             ORDER BY importer",
        )
        .fetch_all(&self.readers)
        .await?;
        let mut drift = Vec::new();
        for row in rows {
            let (agent, records, bad) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            drift.push(Drift { agent, records, bad, unknown: Vec::new() });
        }
        let rows = query(
            "SELECT sources.importer, events.event_type, count(*) FROM events \
             JOIN records ON records.record = events.record JOIN sources ON sources.source = records.source \
             WHERE events.flags & $1 <> 0 GROUP BY sources.importer, events.event_type ORDER BY count(*) DESC, 2",
        )
        .bind(flag::UNKNOWN)
        .fetch_all(&self.readers)
        .await?;
        for row in rows {
            let agent: String = row.try_get(0)?;
            if let Some(found) = drift.iter_mut().find(|found| found.agent == agent) {
                found.unknown.push((row.try_get(1)?, row.try_get(2)?));
            }
        }
        Ok(drift)
    }

    /// How long one question takes there and back; for a database on a server.
    pub async fn ping(&self) -> Result<Duration> {
        let began = Instant::now();
        query("SELECT 1").fetch_one(&self.readers).await?;
        Ok(began.elapsed())
    }

    /// For whoever takes what others send: an error where it cannot be kept. A server is asked whether it takes anything,
    /// and from this role.
    pub async fn must_take(&self) -> Result<()> {
        self.must_be_written()?;
        if self.engine() == Engine::Sqlite {
            return Ok(());
        }
        let asked = self.withheld().await.map_err(|error| explain(error, &self.address));
        match asked? {
            (true, _) => {
                bail!("the store {} cannot be written: its server is a replica, or takes questions only", self.address)
            }
            (false, Some(tables)) => {
                bail!("the store {} cannot be written: this role may not add to {tables}", self.address)
            }
            (false, None) => Ok(()),
        }
    }

    /// Whether a server only answers questions, and to which of the tables of what is taken this role may not add.
    async fn withheld(&self) -> Result<(bool, Option<String>)> {
        // Names of tables are looked up where the role may not see them too; so they are not named as such.
        let question = "SELECT current_setting('transaction_read_only') = 'on', \
             (SELECT string_agg(c.relname::text, ', ' ORDER BY c.relname) FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'turnscope' \
             AND c.relname IN ('sessions', 'sources', 'records', 'events') \
             AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'INSERT')))";
        let row = query(question).fetch_one(&self.writer).await?;
        Ok((row.try_get(0)?, row.try_get(1)?))
    }

    /// Whether a server acknowledges what it has not synced, as it says; `None` for a file, which always syncs.
    pub async fn unsynced(&self) -> Result<Option<String>> {
        if self.engine() == Engine::Sqlite {
            return Ok(None);
        }
        for setting in ["fsync", "synchronous_commit"] {
            let row = query("SELECT current_setting($1)").bind(setting).fetch_one(&self.readers).await?;
            let value: String = row.try_get(0)?;
            if value == "off" {
                return Ok(Some(format!("{setting} is off")));
            }
        }
        Ok(None)
    }
}
