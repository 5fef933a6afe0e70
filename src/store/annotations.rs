//! Annotations: the user's marks and notes, apart from the data.

use anyhow::Result;

use super::Store;
use super::engine::{Transaction, query};

/// A mark or a note of the user's, kept apart from the data and keyed by stable ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    pub session: String,
    /// The id of a row.
    pub row: String,
    pub marked: bool,
    pub note: Option<String>,
}

impl Store {
    /// The marks and notes of a session.
    pub async fn annotations(&self, session: &str) -> Result<Vec<Annotation>> {
        let rows = query("SELECT item, marked, note FROM annotations WHERE session = $1 ORDER BY item")
            .bind(session)
            .fetch_all(&self.readers)
            .await?;
        rows.iter()
            .map(|row| {
                let marked: i64 = row.try_get(1)?;
                Ok(Annotation {
                    session: session.to_owned(),
                    row: row.try_get(0)?,
                    marked: marked != 0,
                    note: row.try_get(2)?,
                })
            })
            .collect()
    }

    /// Sets or clears a mark or a note; an annotation with neither is removed.
    pub async fn annotate(&self, annotation: &Annotation) -> Result<()> {
        let query = if annotation.marked || annotation.note.is_some() {
            let (session, item) = (self.engine().unique("session"), self.engine().unique("item"));
            query(format!(
                "INSERT INTO annotations (session, item, marked, note) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT ({session}, {item}) DO UPDATE SET marked = excluded.marked, note = excluded.note",
            ))
            .bind(&annotation.session)
            .bind(&annotation.row)
            .bind(i64::from(annotation.marked))
            .bind(&annotation.note)
        } else {
            query("DELETE FROM annotations WHERE session = $1 AND item = $2")
                .bind(&annotation.session)
                .bind(&annotation.row)
        };
        query.execute(&self.writer).await?;
        Ok(())
    }
}

/// Adds annotations where the user has none of their own.
pub(super) async fn add(connection: &mut Transaction, annotations: &[Annotation]) -> Result<()> {
    for annotation in annotations {
        query("INSERT INTO annotations (session, item, marked, note) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
            .bind(&annotation.session)
            .bind(&annotation.row)
            .bind(i64::from(annotation.marked))
            .bind(&annotation.note)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
