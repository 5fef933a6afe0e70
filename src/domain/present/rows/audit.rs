//! What operators did by hand: canceled or retried tasks, and looked at somebody's context.

use super::{Context, Made, base, made};
use crate::domain::present::row::{Row, Table};
use crate::domain::telling;
use crate::domain::{Key, KeyKind, Kind};

pub fn read(row: Row<'_>, context: &Context<'_>) -> Made {
    let action = row.text("action").unwrap_or_else(|| "action".to_owned());
    let mut event = base(Table::Audit, Kind::Other, Table::Audit.name(), &action, row, context);
    event.status = row.text("after_status").or(event.status);
    event.participant = row.text("actor_user_id");
    event.keys.extend(row.text("target_trace_id").map(|trace| Key::native(KeyKind::Trace, trace)));
    event.keys.extend(row.text("target_task_id").map(|task| Key::native(KeyKind::Task, task)));
    let change = match (row.text("before_status"), row.text("after_status")) {
        (Some(before), Some(after)) => format!(" {before} → {after}"),
        _ => String::new(),
    };
    event.label = match row.text("reason") {
        Some(reason) => telling::label(&format!("{action}{change}: {reason}")),
        None => telling::label(&format!("{action}{change}")),
    };
    let mut made = made(event);
    super::body(row, "result", crate::domain::Role::Output, &mut made);
    made
}
