//! Whether the counts of sessions are those of their events.

use anyhow::Result;

use super::super::Store;
use super::super::count;
use super::super::engine::query;

impl Store {
    /// The sessions whose counts are not those of their events, as far as they are settled.
    pub(super) async fn miscounted(&self) -> Result<Vec<String>> {
        let settled = "SELECT session, id FROM sessions WHERE settled = 1 AND counted = 1 ORDER BY id";
        let mut problems = Vec::new();
        for row in query(settled).fetch_all(&self.readers).await? {
            let (session, id): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
            let mut wrong = count::differing(&self.readers, session).await?;
            if !wrong.is_empty() {
                // Somebody may have stored more between the two.
                wrong = count::differing(&self.readers, session).await?;
            }
            if !wrong.is_empty() {
                problems.push(format!("session {id}: not counted as its events are: {}", wrong.join(", ")));
            }
        }
        Ok(problems)
    }
}
