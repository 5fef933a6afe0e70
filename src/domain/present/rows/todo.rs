//! To-dos that a run of the canvas runner set itself: changed in place, so each state that was seen is an event.

use super::{Context, Made, base, made};
use crate::domain::Kind;
use crate::domain::present::ids;
use crate::domain::present::row::{Row, Table};
use crate::domain::telling;

pub fn read(row: Row<'_>, context: &Context<'_>) -> Made {
    let mut event = base(Table::Todo, Kind::Other, Table::Todo.name(), "todo", row, context);
    let status = event.status.clone().unwrap_or_else(|| "open".to_owned());
    if status != "open" && !event.id.is_empty() {
        event.id = format!("{}:{status}", event.id);
    }
    // When it was resolved is when it became so.
    if let Some(resolved) = row.time("resolved_at").filter(|_| status != "open") {
        event.at = Some(resolved);
        event.order.time = resolved;
    }
    if let Some(run) = row.text("session_id").filter(|run| ids::is_run(run)) {
        ids::add_run(&mut event.keys, &run, "present.run_id");
    }
    let text = row.text("text").unwrap_or_default();
    event.label = telling::label(&format!("todo {status}: {text}"));
    // The text stands in no other field whole.
    event.attributes.push(("todo".to_owned(), text));
    made(event)
}
