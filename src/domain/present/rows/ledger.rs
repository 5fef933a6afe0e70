//! Rows of the ledger: what the runner's agents did with a project and its tasks. The original never shows them.

use super::{Context, Made, base, body, made};
use crate::domain::present::ids;
use crate::domain::present::row::{Row, Table};
use crate::domain::telling;
use crate::domain::{Kind, Role};

pub fn read(row: Row<'_>, context: &Context<'_>) -> Made {
    let action = row.text("action_type").unwrap_or_else(|| "action".to_owned());
    let mut event = base(Table::Ledger, Kind::Other, Table::Ledger.name(), &action, row, context);
    event.status = row.text("task_status").or_else(|| row.text("project_status")).or(event.status);
    event.label = match row.text("task_title").or_else(|| row.text("project_name")) {
        Some(title) => telling::label(&format!("{action} {title}")),
        None => telling::label(&action),
    };
    if let Some(run) = row.text("session_id").filter(|run| ids::is_run(run)) {
        ids::add_run(&mut event.keys, &run, "present.run_id");
    }
    // A task of a project, never one of the queue.
    if let Some(task) = row.text("task_id") {
        event.attributes.push(("ledger_task_id".to_owned(), task));
    }
    let mut made = made(event);
    body(row, "payload", Role::Input, &mut made);
    made
}
