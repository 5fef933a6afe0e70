//! Tables and columns that are missing, of another type, or not for this role: named, and the rest works.

use crate::database::Database;
use crate::desk::Desk;
use crate::example::{self, ROOM, SESSION};
use crate::whole::{counts, expected};
use crate::world::{BLOBS, LEDGER, LINES, MODELS, SESSIONS, TASKS, TOOLS, TRACES};

const SECTIONS: [&str; 6] = [LINES, TASKS, TRACES, MODELS, TOOLS, LEDGER];

#[test]
fn each_table_may_be_missing() {
    let world = example::world();
    for missing in
        [LINES, TASKS, TRACES, MODELS, TOOLS, LEDGER, BLOBS, SESSIONS, "canvas_agent_todos", "agent_ops_audit_log"]
    {
        let Some(database) = Database::of(&world) else { return };
        database.execute(&format!("DROP TABLE {missing} CASCADE"));
        let desk = Desk::with_file();
        let ran = desk.done(&["import", &database.url()]);
        assert!(ran.err.contains(&format!("there is no table {missing}\n")), "{missing}: {}", ran.err);
        let mut left = expected(&world);
        if let Some(place) = SECTIONS.iter().position(|table| *table == missing) {
            left[place] = 0;
        }
        let session = if missing == SESSIONS { format!("room:{ROOM}") } else { SESSION.to_owned() };
        assert_eq!(counts(&desk, &session), left, "{missing}");
    }
}

#[test]
fn columns_may_be_missing_or_of_other_types() {
    let world = example::world();
    let Some(database) = Database::of(&world) else { return };
    database.execute(
        "ALTER TABLE agent_trace_events DROP COLUMN sampled, DROP COLUMN provider, DROP COLUMN model, \
         DROP COLUMN provider_source, DROP COLUMN provider_path, DROP COLUMN provider_request_id, DROP COLUMN intent_id; \
         ALTER TABLE agent_tasks DROP COLUMN trace_id, ALTER COLUMN id TYPE text; \
         ALTER TABLE agent_trace_events ALTER COLUMN task_id TYPE text; \
         ALTER TABLE agent_model_io ALTER COLUMN created_at TYPE timestamp, ALTER COLUMN input_payload TYPE text, \
         ADD COLUMN another numeric DEFAULT 123456789012345678901234567890; \
         ALTER TABLE agent_tool_io DROP COLUMN session_id, ALTER COLUMN latency_ms TYPE text; \
         ALTER TABLE canvas_session_transcripts DROP COLUMN manual; \
         ALTER TABLE canvas_sessions DROP COLUMN participants",
    );
    let desk = Desk::with_file();
    let ran = desk.done(&["import", &database.url()]);
    for told in [
        "agent_tasks has no column trace_id",
        "agent_trace_events has no column intent_id, sampled, provider",
        "agent_tool_io has no column session_id",
    ] {
        assert!(ran.err.contains(told), "{told}: {}", ran.err);
    }
    assert_eq!(counts(&desk, SESSION), expected(&world));
}

#[test]
fn columns_that_cannot_be_read_for_what_they_say_are_named_once() {
    let world = example::world();
    let Some(database) = Database::of(&world) else { return };
    database.execute(
        "ALTER TABLE agent_model_io ALTER COLUMN system_prompt TYPE bytea USING system_prompt::bytea, \
         ALTER COLUMN latency_ms TYPE numeric; UPDATE agent_model_io SET latency_ms = 'NaN'; \
         ALTER TABLE agent_tool_io ALTER COLUMN latency_ms TYPE interval USING latency_ms * interval '1 ms'; \
         CREATE DOMAIN words AS text; ALTER TABLE agent_tool_io ALTER COLUMN tool_name TYPE words",
    );
    let desk = Desk::with_file();
    let ran = desk.done(&["import", &database.url()]);
    for (table, column, kind) in
        [("agent_model_io", "system_prompt", "bytea"), ("agent_tool_io", "latency_ms", "interval")]
    {
        let told = format!("{table}: {column} is of type {kind}, and its values may not be read for what they say\n");
        assert_eq!(ran.err.matches(&told).count(), 1, "{told}: {}", ran.err);
    }
    let told = format!("{SESSION}: agent_model_io: latency_ms is no whole number in some rows\n");
    assert_eq!(ran.err.matches(&told).count(), 1, "{told}: {}", ran.err);
    assert!(!ran.err.contains("tool_name"), "{}", ran.err);
    assert_eq!(counts(&desk, SESSION), expected(&world));
    let again = desk.done(&["import", &database.url()]);
    assert!(!again.err.contains("no whole number"), "{}", again.err);
}

#[test]
fn a_view_over_rows_that_may_be_hidden_is_named() {
    let world = example::world();
    let Some(database) = Database::of(&world) else { return };
    let role = format!("viewing_{}", database.name());
    database.execute(&format!(
        "CREATE ROLE {role} LOGIN; ALTER TABLE agent_model_io RENAME TO real_model_io; \
         ALTER TABLE real_model_io ENABLE ROW LEVEL SECURITY; \
         CREATE VIEW agent_model_io WITH (security_invoker = true) AS SELECT * FROM real_model_io; \
         ALTER TABLE agent_tool_io RENAME TO real_tool_io; ALTER TABLE real_tool_io ENABLE ROW LEVEL SECURITY; \
         CREATE VIEW agent_tool_io AS SELECT * FROM real_tool_io; \
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
    ));
    let ran = Desk::with_file().done(&["import", &database.url_as(&role)]);
    let told = |table: &str| ran.err.contains(&format!("row-level security may hide rows of {table} from this role"));
    // The other view reads with the rights of the table's owner, from whom nothing is hidden.
    assert_eq!((told("agent_model_io"), told("agent_tool_io")), (true, false), "{}", ran.err);
}

#[test]
fn a_table_without_times_or_ids_still_gives_its_rows() {
    let world = example::world();
    let Some(database) = Database::of(&world) else { return };
    database.execute(
        "ALTER TABLE agent_trace_events ALTER COLUMN created_at TYPE text, DROP COLUMN id; \
         ALTER TABLE agent_tool_io DROP COLUMN created_at",
    );
    let desk = Desk::with_file();
    let ran = desk.done(&["import", &database.url()]);
    assert!(ran.err.contains("agent_trace_events: created_at is no time"), "{}", ran.err);
    // Without a time they are in no window, so they are the room's own, or where keys lead.
    let (own, room) = (counts(&desk, SESSION), counts(&desk, &format!("room:{ROOM}")));
    let all: Vec<usize> = own.iter().zip(&room).map(|(own, room)| own + room).collect();
    assert_eq!(all, expected(&world), "{own:?} and {room:?}");
}

#[test]
fn a_role_sees_what_it_may() {
    let world = example::world();
    let Some(database) = Database::of(&world) else { return };
    let role = format!("viewer_{}", database.name());
    database.execute(&format!(
        "CREATE ROLE {role} LOGIN; GRANT SELECT ON canvas_sessions, canvas_session_transcripts, agent_tasks, agent_model_io TO {role}; \
         GRANT SELECT (id, room, created_at, stage, status, trace_id) ON agent_trace_events TO {role}; \
         ALTER TABLE agent_model_io ENABLE ROW LEVEL SECURITY; \
         CREATE POLICY only_voice ON agent_model_io FOR SELECT TO {role} USING (source = 'voice_agent')"
    ));
    let desk = Desk::with_file();
    let ran = desk.done(&["import", &database.url_as(&role)]);
    for told in [
        "agent_tool_io: this role may not read it",
        "agent_io_blobs: this role may not read it",
        "fairy_orchestration_ledger: this role may not read it",
        "agent_trace_events: this role may not read",
        "row-level security may hide rows of agent_model_io from this role",
    ] {
        assert!(ran.err.contains(told), "{told}: {}", ran.err);
    }
    let all = expected(&world);
    let voice = world.of(MODELS).filter(|row| row["source"] == "voice_agent").count();
    assert_eq!(counts(&desk, SESSION), [all[0], all[1], all[2], voice, 0, 0]);
    // What another one may see is asked for from its beginning.
    desk.done(&["import", &database.url()]);
    assert!(counts(&desk, SESSION)[3] >= all[3]);
}

#[test]
fn rows_that_are_hidden_are_no_rows_from_before_the_cut_over() {
    let world = example::world();
    let Some(database) = Database::of(&world) else { return };
    let role = format!("blind_{}", database.name());
    database.execute(&format!("CREATE ROLE {role} LOGIN"));
    let desk = Desk::with_file();
    let told = desk.refused(1, &["import", &database.url_as(&role)]);
    assert!(told.contains("no table of the original can be read"), "{told}");
    assert!(told.contains("agent_tool_io: this role may not read it"), "{told}");
    database.execute(&format!(
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}; \
         ALTER TABLE agent_model_io ENABLE ROW LEVEL SECURITY; ALTER TABLE agent_tool_io ENABLE ROW LEVEL SECURITY"
    ));
    let ran = desk.done(&["import", &database.url_as(&role)]);
    assert!(ran.err.contains("row-level security may hide rows of agent_tool_io from this role"), "{}", ran.err);
    let hidden = format!("{SESSION}: no replay rows: row-level security may hide them from this role");
    assert!(ran.err.contains(&hidden) && !ran.err.contains("cut-over"), "{}", ran.err);
    database.execute("ALTER TABLE canvas_sessions ENABLE ROW LEVEL SECURITY");
    let other = Desk::with_file();
    let ran = other.done(&["import", &database.url_as(&role)]);
    assert!(ran.err.contains("row-level security may hide rows of canvas_sessions from this role"), "{}", ran.err);
    // Whoever owns the tables sees all.
    let ran = other.done(&["import", &database.url()]);
    assert!(!ran.err.contains("row-level security"), "{}", ran.err);
}
