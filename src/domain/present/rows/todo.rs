//! To-dos that a run of the canvas runner set itself: changed in place, so each state that was seen is an event.

use super::{Context, LONGEST_ATTRIBUTE, Made, base, made};
use crate::domain::present::ids;
use crate::domain::present::row::{Row, Table, shown};
use crate::domain::telling;
use crate::domain::{Kind, Shape};

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
    // Words stand in no other field whole; anything else is shown as it was written.
    let odd = row.get("text").filter(|text| text.shape() != Shape::String);
    let text = row.text("text").or_else(|| odd.map(|odd| shown(odd, LONGEST_ATTRIBUTE)));
    event.label = match &text {
        Some(text) => telling::label(&format!("todo {status}: {text}")),
        None => telling::label(&format!("todo {status}")),
    };
    event.attributes.extend(text.map(|text| ("todo".to_owned(), text)));
    made(event)
}
