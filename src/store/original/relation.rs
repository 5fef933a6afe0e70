//! A table of the original as a database really has it: where it lies, and which of its columns are there.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::keys::KeyName;
use crate::domain::present::ids::RUN;
use crate::domain::present::row::NUMBERS;

/// The tables that are read, with the columns that they are known to have.
pub(super) const KNOWN: &[(&str, &str)] = &[
    (SESSIONS, "id canvas_id room_name participants created_at updated_at"),
    (LINES, "id event_id session_id room_name participant_id participant_name text ts manual created_at"),
    (
        TASKS,
        "id created_at updated_at room task params trace_id status priority run_at attempt error request_id dedupe_key \
         resource_keys lease_token lease_expires_at result",
    ),
    (
        "agent_trace_events",
        "id created_at trace_id request_id intent_id room task_id attempt task component stage status latency_ms payload \
         sampled provider model provider_source provider_path provider_request_id",
    ),
    (
        "agent_model_io",
        "id event_id sequence created_at expires_at session_id room trace_id request_id intent_id task_id source \
         event_type status provider model provider_source provider_path provider_request_id system_prompt \
         context_priming input_payload output_payload metadata error latency_ms input_blob_id output_blob_id",
    ),
    (
        "agent_tool_io",
        "id event_id sequence created_at expires_at session_id room trace_id request_id intent_id task_id source \
         event_type status tool_name tool_call_id provider model provider_source provider_path provider_request_id \
         input_payload output_payload metadata error latency_ms input_blob_id output_blob_id",
    ),
    (
        BLOBS,
        "id event_id kind created_at expires_at room trace_id request_id intent_id payload encoding mime_type size_bytes \
         sha256 truncated metadata",
    ),
    (
        LEDGER,
        "id room session_id trace_id request_id action_type project_name project_mode project_status task_id task_title \
         assigned_to task_status payload created_at",
    ),
    (TODOS, "id session_id text status position created_at resolved_at"),
    (
        AUDIT,
        "id created_at actor_user_id action target_task_id target_trace_id reason before_status after_status result",
    ),
];

pub(super) const SESSIONS: &str = "canvas_sessions";
pub(super) const LINES: &str = "canvas_session_transcripts";
pub(super) const TASKS: &str = "agent_tasks";
pub(super) const BLOBS: &str = "agent_io_blobs";
const LEDGER: &str = "fairy_orchestration_ledger";
const TODOS: &str = "canvas_agent_todos";
const AUDIT: &str = "agent_ops_audit_log";

/// In tables of more bytes than this, only keys that an index finds are followed.
const QUICKLY_READ: i64 = 64 << 20;

/// The times that can be told; the database knows later ones, and infinite ones. And the same in ms since 1970.
const TOLD: (&str, &str) = ("0001-01-02", "9999-12-30");
const TOLD_MILLIS: (i64, i64) = (-62_135_510_400_000, 253_402_128_000_000);

/// A table, or a view in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Relation {
    pub name: &'static str,
    schema: String,
    /// Columns that may be read, in their order.
    columns: Vec<Column>,
    /// Columns that the role may not read.
    withheld: Vec<String>,
    /// Row-level security decides which of its rows the role sees.
    pub is_sifted: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    name: String,
    kind: String,
    /// Its values are found without reading the whole table, or that is small.
    is_found: bool,
    /// It is known, and its type is one whose values are not read for what they say.
    is_odd: bool,
}

/// Asks for the columns of all tables that are known; what stands in `public` comes first.
///
/// A view in the place of a table reads with the rights of its owner, unless it says that it reads with those of whoever
/// asks; row-level security of a table below a view below it is not looked for.
pub(super) const CATALOG: &str = "SELECT c.relname::text, n.nspname::text, a.attname::text, \
     format_type(a.atttypid, NULL), has_column_privilege(c.oid, a.attnum, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE'), \
     EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL AND i.indkey[0] = a.attnum), \
     coalesce((SELECT sum(pg_relation_size(p.relid)) FROM pg_partition_tree(c.oid) p), 0)::bigint, \
     CASE WHEN c.relkind = 'v' THEN EXISTS (SELECT 1 FROM pg_catalog.pg_rewrite w \
         JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid \
             AND d.refclassid = 'pg_catalog.pg_class'::regclass \
         JOIN pg_catalog.pg_class b ON b.oid = d.refobjid AND b.oid <> c.oid AND b.relrowsecurity \
         JOIN pg_catalog.pg_roles o ON o.oid = c.relowner \
         WHERE w.ev_class = c.oid AND CASE WHEN c.reloptions::text ~ 'security_invoker=(true|on|yes|1)' \
             THEN row_security_active(b.oid) \
             ELSE NOT o.rolsuper AND NOT o.rolbypassrls \
                 AND (b.relforcerowsecurity OR NOT pg_has_role(c.relowner, b.relowner, 'USAGE')) END) \
     ELSE row_security_active(c.oid) END, \
     CASE y.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN format_type(y.typbasetype, NULL) \
         ELSE format_type(a.atttypid, NULL) END \
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
     JOIN pg_catalog.pg_type y ON y.oid = a.atttypid \
     WHERE c.relname = ANY($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
     AND n.nspname NOT IN ('turnscope', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%' \
     ORDER BY n.nspname <> 'public', n.nspname, c.relname, a.attnum";

/// A line of the catalogue.
pub(super) struct Line {
    pub table: String,
    pub schema: String,
    pub column: String,
    pub kind: String,
    pub is_readable: bool,
    pub is_indexed: bool,
    /// Bytes of the table.
    pub size: i64,
    /// Row-level security applies to this role.
    pub is_sifted: bool,
    /// The type that its values have, whatever name it has here; `enum` for those that list their values.
    pub base: String,
}

impl Relation {
    /// The tables that the catalogue tells of; of several with one name the first.
    pub fn all(lines: &[Line]) -> Vec<Self> {
        let mut found: BTreeMap<&'static str, Self> = BTreeMap::new();
        for line in lines {
            let Some((name, _)) = KNOWN.iter().find(|(known, _)| *known == line.table) else { continue };
            let relation = found.entry(name).or_insert_with(|| Self {
                name,
                schema: line.schema.clone(),
                columns: Vec::new(),
                withheld: Vec::new(),
                is_sifted: line.is_sifted,
            });
            if relation.schema != line.schema {
                continue;
            }
            let (name, kind) = (line.column.clone(), line.kind.clone());
            match line.is_readable {
                true => {
                    let is_found = line.is_indexed || line.size <= QUICKLY_READ;
                    let is_odd = relation.knows(&name) && !is_read(&name, &line.base);
                    relation.columns.push(Column { name, kind, is_found, is_odd });
                }
                false => relation.withheld.push(name),
            }
        }
        found.into_values().collect()
    }

    pub fn is_readable(&self) -> bool {
        !self.columns.is_empty()
    }

    /// What is not as it should be, in words.
    pub fn lacks(&self) -> Vec<String> {
        let known = known(self.name);
        let there = |column: &&str| self.has(column) || self.withheld.iter().any(|withheld| withheld == column);
        let missing: Vec<&str> = known.split(' ').filter(|column| !there(column)).collect();
        let mut lacks = Vec::new();
        if !self.is_readable() {
            return vec![format!("{}: this role may not read it", self.name)];
        }
        if !missing.is_empty() {
            lacks.push(format!("{} has no column {}", self.name, missing.join(", ")));
        }
        if !self.withheld.is_empty() {
            lacks.push(format!("{}: this role may not read {}", self.name, self.withheld.join(", ")));
        }
        if self.is_sifted {
            lacks.push(format!("row-level security may hide rows of {} from this role", self.name));
        }
        let is_timeless = self.has(self.time_column()) && self.time().is_none();
        for column in self.columns.iter().filter(|column| column.is_odd) {
            if !is_timeless || column.name != self.time_column() {
                let Column { name, kind, .. } = column;
                lacks.push(format!(
                    "{}: {name} is of type {kind}, and its values may not be read for what they say",
                    self.name
                ));
            }
        }
        if is_timeless {
            lacks.push(format!("{}: {} is no time, so that no window limits its rows", self.name, self.time_column()));
        }
        lacks
    }

    fn knows(&self, column: &str) -> bool {
        known(self.name).split(' ').any(|known| known == column)
    }

    pub fn has(&self, column: &str) -> bool {
        self.column(column).is_some()
    }

    fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    fn kind(&self, column: &str) -> Option<&str> {
        self.column(column).map(|column| column.kind.as_str())
    }

    /// The table as it is named in a statement.
    pub fn place(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(self.name))
    }

    /// A column as text; nothing where there is none. In statements the table is called `t`.
    pub fn text(&self, column: &str) -> String {
        if self.has(column) { format!("t.{}::text", quoted(column)) } else { "NULL::text".to_owned() }
    }

    fn room_column(&self) -> &'static str {
        if matches!(self.name, LINES | SESSIONS) { "room_name" } else { "room" }
    }

    /// The column of the room, as it is, so that an index serves.
    pub fn room(&self) -> String {
        let column = self.room_column();
        match self.kind(column) {
            Some("text" | "character varying") => format!("t.{}", quoted(column)),
            _ => self.text(column),
        }
    }

    fn time_column(&self) -> &'static str {
        if self.name == LINES { "ts" } else { "created_at" }
    }

    /// When a row happened, in µs since 1970.
    pub fn time(&self) -> Option<String> {
        self.micros(self.time_column())
    }

    /// When a row was changed last, as far as that can be known.
    pub fn changed(&self) -> Option<String> {
        let created = self.micros("created_at");
        match (created, self.micros("updated_at").or_else(|| self.micros("resolved_at"))) {
            (Some(created), Some(updated)) => Some(format!("greatest({created}, {updated})")),
            (created, updated) => created.or(updated),
        }
    }

    /// A column as µs since 1970, null where it says a time that cannot be told; `None` where it is none of a time.
    pub fn micros(&self, column: &str) -> Option<String> {
        let name = quoted(column);
        match self.kind(column)? {
            kind @ ("timestamp with time zone" | "timestamp without time zone" | "date") => {
                let (earliest, latest) = TOLD;
                Some(format!(
                    "(CASE WHEN t.{name} BETWEEN '{earliest}'::{kind} AND '{latest}'::{kind} \
                     THEN (extract(epoch FROM t.{name}::timestamptz) * 1000000)::bigint END)"
                ))
            }
            // Milliseconds, as the transcript has them.
            "bigint" | "integer" => {
                let (earliest, latest) = TOLD_MILLIS;
                Some(format!("(CASE WHEN t.{name} BETWEEN {earliest} AND {latest} THEN t.{name}::bigint * 1000 END)"))
            }
            _ => None,
        }
    }

    /// 1 where a column says a time that cannot be told, else 0.
    pub fn untold(&self, column: &str) -> String {
        let micros = self.micros(column);
        micros.map_or_else(
            || "0".to_owned(),
            |micros| format!("(t.{} IS NOT NULL AND {micros} IS NULL)::int", quoted(column)),
        )
    }

    /// The same for when a row happened.
    pub fn untold_time(&self) -> String {
        self.untold(self.time_column())
    }

    /// What tells rows apart: the column and how a text becomes its type.
    pub fn identity(&self) -> (String, String) {
        for column in ["id", "event_id"] {
            if let Some(kind) = self.kind(column) {
                return (format!("t.{}", quoted(column)), kind.to_owned());
            }
        }
        ("t.ctid".to_owned(), "tid".to_owned())
    }

    /// The columns of a row, as a list in a statement.
    pub fn list(&self) -> String {
        let mut list = String::new();
        for (place, column) in self.columns.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            // Writing to a string does not fail.
            let _ = write!(list, "{comma}t.{}", quoted(&column.name));
        }
        list
    }

    /// The column of a key as text, where rows are found by it; nothing where they have none.
    pub fn key(&self, key: KeyName) -> Option<String> {
        let column = self.key_column(key);
        if let Some(found) = column.and_then(|column| self.column(column)) {
            let text = self.text(&found.name);
            // What these tables name is a bare run; others put a word before it.
            let is_bare = key == KeyName::Session && matches!(self.name, LEDGER | TODOS);
            return found.is_found.then(|| if is_bare { format!("('{RUN}' || {text})") } else { text });
        }
        // Before the column was added, the trace stood in the parameters alone.
        let told = key == KeyName::Trace
            && self.name == TASKS
            && self.column("params").is_some_and(|params| params.kind == "jsonb" && params.is_found);
        told.then(|| "(t.\"params\" ->> 'traceId')".to_owned())
    }

    fn key_column(&self, key: KeyName) -> Option<&'static str> {
        Some(match (key, self.name) {
            // A task of the ledger is another thing.
            (KeyName::Task, LEDGER | TODOS | BLOBS) => return None,
            (_, LINES | SESSIONS) | (KeyName::Session, BLOBS | AUDIT) => return None,
            (KeyName::Task, TASKS) => "id",
            (KeyName::Trace, AUDIT) => "target_trace_id",
            (KeyName::Task, AUDIT) => "target_task_id",
            (KeyName::Trace, _) => "trace_id",
            (KeyName::Request, _) => "request_id",
            (KeyName::Intent, _) => "intent_id",
            (KeyName::Task, _) => "task_id",
            (KeyName::Session, _) => "session_id",
        })
    }

    /// The emitter's own label for what it was doing, as text.
    pub fn label(&self) -> Option<String> {
        let column = self.key_column(KeyName::Session).filter(|column| self.has(column))?;
        Some(match self.name {
            LEDGER | TODOS => format!("('{RUN}' || {})", self.text(column)),
            _ => self.text(column),
        })
    }

    /// Whether its rows may have blobs.
    pub fn has_blobs(&self) -> bool {
        matches!(self.name, "agent_model_io" | "agent_tool_io")
    }

    /// A condition that a key is one of several values, which an index can answer; the values go with it.
    pub fn is_one(&self, key: KeyName, values: &[String]) -> Option<(String, Vec<String>, &'static str)> {
        let own = self.key(key)?;
        let column = self.key_column(key).and_then(|column| self.column(column));
        match column {
            Some(column) if column.kind == "uuid" => {
                let uuids = values.iter().filter(|value| uuid::Uuid::try_parse(value).is_ok()).cloned().collect();
                Some((format!("t.{}", quoted(&column.name)), uuids, "::text[]::uuid[]"))
            }
            _ => Some((own, values.to_vec(), "")),
        }
    }
}

/// The columns that a table is known to have, with spaces between.
fn known(table: &str) -> &'static str {
    KNOWN.iter().find(|(name, _)| *name == table).map_or("", |(_, columns)| *columns)
}

/// Columns of JSON, in whatever table; all others but those of numbers are texts, times and truth values.
const DOCUMENTS: &str =
    "participants params resource_keys result payload context_priming input_payload output_payload metadata";
const TEXTS: &[&str] = &["text", "character varying", "character", "\"char\"", "name", "citext", "enum"];

/// Whether values of such a type are read for what a column says.
fn is_read(column: &str, base: &str) -> bool {
    let is_among = |names: &str| names.split(' ').any(|name| name == column);
    let is_number = ["smallint", "integer", "bigint", "numeric", "real", "double precision"].contains(&base);
    let is_plain = is_number || base == "uuid" || base == "boolean" || base == "date" || base.starts_with("timestamp ");
    match () {
        () if TEXTS.contains(&base) => true,
        () if is_among(NUMBERS) => is_number,
        () if is_among(DOCUMENTS) => matches!(base, "json" | "jsonb") || base.ends_with("[]"),
        () => is_plain,
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_whose_values_say_something_else_is_told_from_those_that_are_read() {
        for (column, base) in [
            ("room", "text"),
            ("status", "enum"),
            ("id", "uuid"),
            ("sampled", "boolean"),
            ("created_at", "timestamp without time zone"),
            ("latency_ms", "numeric"),
            ("latency_ms", "text"),
            ("input_payload", "text"),
            ("input_payload", "json"),
            ("resource_keys", "text[]"),
        ] {
            assert!(is_read(column, base), "{column} {base}");
        }
        for (column, base) in [
            ("payload", "bytea"),
            ("system_prompt", "bytea"),
            ("latency_ms", "interval"),
            ("latency_ms", "money"),
            ("latency_ms", "jsonb"),
            ("error", "jsonb"),
            ("room", "text[]"),
            ("output_payload", "xml"),
            ("updated_at", "tstzrange"),
        ] {
            assert!(!is_read(column, base), "{column} {base}");
        }
    }
}
