//! Saved filters, and the words of a session that a filter may name.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::Store;
use super::engine::query;
use crate::domain::filter::{Field, Saved};

/// Combinations of values that are looked at for what may be offered.
const MOST_VALUES: i64 = 20_000;

/// The columns whose values are offered.
const OFFERED: [Field; 7] =
    [Field::Tool, Field::Model, Field::Source, Field::Participant, Field::Provider, Field::Type, Field::Status];

impl Store {
    /// The texts of the saved filters, by name.
    pub async fn saved_filters(&self) -> Result<Saved> {
        let rows = query("SELECT name, text FROM filters ORDER BY name").fetch_all(&self.readers).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    /// Saves a filter under a name, in place of one that has it already.
    pub async fn save_filter(&self, name: &str, text: &str) -> Result<()> {
        let saved = query(
            "INSERT INTO filters (name, text) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET text = excluded.text",
        )
        .bind(name)
        .bind(text)
        .execute(&self.writer)
        .await;
        saved.map(|_| ()).map_err(|error| super::trouble::explain(error.into(), &self.address))
    }

    /// Removes a saved filter; `false` where there is none of that name.
    pub async fn forget_filter(&self, name: &str) -> Result<bool> {
        let done = query("DELETE FROM filters WHERE name = $1").bind(name).execute(&self.writer).await;
        let done = done.map_err(|error| super::trouble::explain(error.into(), &self.address))?;
        Ok(done > 0)
    }

    /// The tools, models, sources and the like that occur in a session, each list in order.
    pub async fn filter_values(&self, session: i64) -> Result<BTreeMap<Field, Vec<String>>> {
        let rows = query(
            "SELECT DISTINCT tool, model, source, participant, provider, event_type, status FROM events \
             WHERE session = $1 LIMIT $2",
        )
        .bind(session)
        .bind(MOST_VALUES)
        .fetch_all(&self.readers)
        .await?;
        let mut values: BTreeMap<Field, BTreeSet<String>> = BTreeMap::new();
        for row in &rows {
            for (column, field) in OFFERED.into_iter().enumerate() {
                let value: Option<String> = row.try_get(column)?;
                values.entry(field).or_default().extend(value);
            }
        }
        Ok(values.into_iter().map(|(field, values)| (field, values.into_iter().collect())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn filters_are_saved_replaced_and_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("store.db")).await.expect("opens");
        for text in ["kind:tool", "kind:model \"żółw\""] {
            store.save_filter("mine", text).await.expect("saves");
            let saved = store.saved_filters().await.expect("reads");
            assert_eq!(saved, Saved::from([("mine".to_owned(), text.to_owned())]));
        }
        assert!(store.forget_filter("mine").await.expect("forgets"));
        assert!(!store.forget_filter("mine").await.expect("answers"));
        assert!(store.saved_filters().await.expect("reads").is_empty());
    }
}
