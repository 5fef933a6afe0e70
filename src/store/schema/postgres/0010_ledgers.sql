-- The schema on PostgreSQL: the same tables, columns and indexes as on SQLite, where they grew by migrations 1 to 10.
-- Texts compare bytewise, as they do there. Pieces are compressed already, so nothing compresses them again.

CREATE TABLE sessions (
    session BIGINT PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    parent TEXT COLLATE "C",
    lineage TEXT COLLATE "C" NOT NULL,
    title TEXT COLLATE "C",
    agent TEXT COLLATE "C" NOT NULL,
    project TEXT COLLATE "C",
    room TEXT COLLATE "C",
    canvas TEXT COLLATE "C",
    cwd TEXT COLLATE "C",
    git_branch TEXT COLLATE "C",
    host TEXT COLLATE "C",
    models TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    started BIGINT,
    ended BIGINT,
    events BIGINT NOT NULL DEFAULT 0,
    turns BIGINT NOT NULL DEFAULT 0,
    errors BIGINT NOT NULL DEFAULT 0,
    findings BIGINT NOT NULL DEFAULT 0,
    tokens_input BIGINT,
    tokens_cache_read BIGINT,
    tokens_cache_write BIGINT,
    tokens_output BIGINT,
    tokens_reasoning BIGINT,
    tokens_total BIGINT,
    usage_source TEXT COLLATE "C" NOT NULL DEFAULT 'none',
    -- What this session was forked from, where its records say so.
    forked_from TEXT COLLATE "C",
    -- 0 while its counts wait for their next reckoning.
    settled BIGINT NOT NULL DEFAULT 0,
    counted BIGINT NOT NULL DEFAULT 0,
    own_findings BIGINT NOT NULL DEFAULT 0,
    clock_skews BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE shared_sessions (
    session BIGINT NOT NULL,
    other BIGINT NOT NULL,
    PRIMARY KEY (session, other)
);

CREATE TABLE pieces (
    piece BIGINT PRIMARY KEY,
    digest BYTEA NOT NULL UNIQUE,
    size BIGINT NOT NULL,
    codec BIGINT NOT NULL,
    bytes BYTEA NOT NULL
);

ALTER TABLE pieces ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE blobs (
    blob BIGINT PRIMARY KEY,
    digest BYTEA UNIQUE,
    size BIGINT NOT NULL
);

CREATE TABLE blob_pieces (
    blob BIGINT NOT NULL,
    start BIGINT NOT NULL,
    piece BIGINT NOT NULL,
    PRIMARY KEY (blob, start)
);

CREATE TABLE sources (
    source BIGINT PRIMARY KEY,
    path TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    importer TEXT COLLATE "C" NOT NULL,
    size BIGINT NOT NULL,
    modified BIGINT NOT NULL,
    inode BIGINT NOT NULL,
    -- SHA-256 of the bytes just before `consumed`.
    tail BYTEA NOT NULL,
    -- Where reading goes on when the source has grown.
    consumed BIGINT NOT NULL,
    blob BIGINT NOT NULL,
    -- What the importer must know to go on: JSON.
    state TEXT COLLATE "C" NOT NULL,
    lines BIGINT NOT NULL,
    records BIGINT NOT NULL,
    represented BIGINT NOT NULL,
    bad BIGINT NOT NULL,
    events BIGINT NOT NULL,
    -- The ids of the sessions that have events from it: a JSON list.
    sessions TEXT COLLATE "C" NOT NULL,
    UNIQUE (path, revision)
);

CREATE TABLE records (
    record BIGINT PRIMARY KEY,
    source BIGINT NOT NULL,
    start BIGINT NOT NULL,
    size BIGINT NOT NULL,
    status BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    copied BIGINT,
    purged BIGINT,
    UNIQUE (source, start)
);

CREATE TABLE events (
    event BIGINT PRIMARY KEY,
    session BIGINT NOT NULL,
    order_time BIGINT NOT NULL,
    origin BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    at BIGINT,
    received BIGINT NOT NULL,
    expires BIGINT,
    kind BIGINT NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    event_type TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C",
    label TEXT COLLATE "C" NOT NULL,
    turn TEXT COLLATE "C",
    -- A hash of the turn's name; 0 for none.
    turn_hash BIGINT NOT NULL,
    phase BIGINT NOT NULL,
    -- The record it was first read from.
    record BIGINT,
    -- Numbers of its keys, each with the rule that derived it: `12 13 14=rule`.
    keys TEXT COLLATE "C" NOT NULL,
    provider TEXT COLLATE "C",
    model TEXT COLLATE "C",
    tool TEXT COLLATE "C",
    participant TEXT COLLATE "C",
    latency BIGINT,
    usage_input BIGINT,
    usage_cache_read BIGINT,
    usage_cache_write BIGINT,
    usage_output BIGINT,
    usage_reasoning BIGINT,
    usage_total BIGINT,
    usage_rule TEXT COLLATE "C",
    usage_source TEXT COLLATE "C",
    error TEXT COLLATE "C",
    flags BIGINT NOT NULL
);

CREATE TABLE event_ids (
    id TEXT COLLATE "C" NOT NULL,
    session BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    content BYTEA NOT NULL,
    event BIGINT NOT NULL,
    PRIMARY KEY (id, session, revision)
);

CREATE TABLE event_origins (
    event BIGINT NOT NULL,
    record BIGINT NOT NULL,
    PRIMARY KEY (event, record)
);

CREATE TABLE keys (
    key BIGINT PRIMARY KEY,
    kind BIGINT NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    UNIQUE (kind, value)
);

CREATE TABLE event_keys (
    key BIGINT NOT NULL,
    event BIGINT NOT NULL,
    PRIMARY KEY (key, event)
);

CREATE TABLE attributes (
    event BIGINT NOT NULL,
    position BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (event, position)
);

CREATE TABLE bodies (
    event BIGINT NOT NULL,
    role BIGINT NOT NULL,
    blob BIGINT NOT NULL,
    start BIGINT NOT NULL,
    size BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (event, role)
);

CREATE TABLE annotations (
    session TEXT COLLATE "C" NOT NULL,
    item TEXT COLLATE "C" NOT NULL,
    marked BIGINT NOT NULL,
    note TEXT COLLATE "C",
    PRIMARY KEY (session, item)
);

CREATE TABLE filters (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    text TEXT COLLATE "C" NOT NULL
);

CREATE TABLE counted_events (upto BIGINT NOT NULL);

CREATE TABLE adopted (
    first TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- The id that it is known by.
    session TEXT COLLATE "C" NOT NULL
);

CREATE TABLE tokens (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    digest BYTEA NOT NULL,
    scopes TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT,
    revoked BIGINT
);

CREATE TABLE tombstones (
    event BIGINT PRIMARY KEY,
    receipt BIGINT NOT NULL
);

CREATE TABLE receipts (
    receipt BIGINT PRIMARY KEY,
    -- `unfinished`, `done`, `cancelled` or `failed`.
    state TEXT COLLATE "C" NOT NULL,
    begun BIGINT NOT NULL,
    ended BIGINT,
    as_of BIGINT NOT NULL,
    -- What was asked for: JSON.
    scope TEXT COLLATE "C" NOT NULL,
    sessions BIGINT NOT NULL DEFAULT 0,
    transcript BIGINT NOT NULL DEFAULT 0,
    model BIGINT NOT NULL DEFAULT 0,
    tool BIGINT NOT NULL DEFAULT 0,
    trace BIGINT NOT NULL DEFAULT 0,
    task BIGINT NOT NULL DEFAULT 0,
    other BIGINT NOT NULL DEFAULT 0,
    records BIGINT NOT NULL DEFAULT 0,
    blobs BIGINT NOT NULL DEFAULT 0,
    pieces BIGINT NOT NULL DEFAULT 0,
    -- Bytes of records and blobs, as their sources wrote them; and of pieces, as they were stored.
    bytes BIGINT NOT NULL DEFAULT 0,
    stored_bytes BIGINT NOT NULL DEFAULT 0,
    -- Pages given back to the system.
    pages BIGINT NOT NULL DEFAULT 0,
    -- A chain over the purged events in their order: SHA-256 of what it was before, and of the next event's
    -- session, id, revision and content hash.
    digest BYTEA NOT NULL
);

CREATE TABLE holds (
    session TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    reason TEXT COLLATE "C",
    held BIGINT NOT NULL
);
INSERT INTO counted_events (upto) VALUES (0);

CREATE INDEX sessions_by_end ON sessions (ended);
CREATE INDEX sessions_unsettled ON sessions (session) WHERE settled = 0;
CREATE INDEX sessions_by_lineage ON sessions (lineage);
CREATE INDEX events_by_record ON events (record);
CREATE INDEX events_by_turn ON events (session, turn_hash) WHERE turn_hash <> 0;
CREATE INDEX event_keys_by_event ON event_keys (event);
CREATE INDEX sessions_by_fork ON sessions (forked_from) WHERE forked_from IS NOT NULL;
CREATE INDEX sessions_by_parent ON sessions (parent) WHERE parent IS NOT NULL;
CREATE INDEX shared_sessions_by_other ON shared_sessions (other);
CREATE INDEX events_halves ON events (session) WHERE kind = 1 AND phase IN (1, 3);
CREATE INDEX attributes_noted ON attributes (event) WHERE name IN ('digest_mismatch', 'blob_missing',
    'usage_mismatch', 'last_token_usage_differs', 'out_of_window', 'time_out_of_range');
CREATE INDEX events_derived ON events (record, id) WHERE id >= 'r-' AND id < 'r.';
CREATE INDEX events_in_order ON events (session, order_time, origin, sequence, id, revision);
CREATE INDEX sessions_by_room ON sessions (room) WHERE room IS NOT NULL;
CREATE INDEX blob_pieces_by_piece ON blob_pieces (piece);
CREATE INDEX bodies_of_blobs ON bodies (blob) WHERE start = 0;
CREATE INDEX event_origins_by_record ON event_origins (record);

-- µs since 1970 as the original wrote times.
CREATE FUNCTION iso_time(micros BIGINT) RETURNS TEXT LANGUAGE sql STABLE AS $$
    SELECT to_char(to_timestamp(micros / 1000000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

CREATE VIEW agent_trace_events AS SELECT
    events.event AS id,
    events.id AS event_id,
    events.sequence,
    iso_time(events.at) AS created_at,
    iso_time(events.expires) AS expires_at,
    sessions.id AS session_id,
    sessions.room,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 2) AS trace_id,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 3) AS request_id,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 4) AS intent_id,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 5) AS task_id,
    events.source,
    events.event_type,
    events.status,
    events.provider,
    events.model,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 9) AS provider_request_id,
    events.error,
    events.latency / 1000 AS latency_ms,
    events.event_type AS stage,
    events.label AS task
FROM events JOIN sessions ON sessions.session = events.session
WHERE events.kind = 3;

CREATE VIEW agent_tasks AS SELECT
    events.event AS id,
    events.id AS event_id,
    events.sequence,
    iso_time(events.at) AS created_at,
    iso_time(events.expires) AS expires_at,
    sessions.id AS session_id,
    sessions.room,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 2) AS trace_id,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 3) AS request_id,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 4) AS intent_id,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 5) AS task_id,
    events.source,
    events.event_type,
    events.status,
    events.provider,
    events.model,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 9) AS provider_request_id,
    events.error,
    events.latency / 1000 AS latency_ms,
    events.label AS task
FROM events JOIN sessions ON sessions.session = events.session
WHERE events.kind = 4;

CREATE VIEW canvas_session_transcripts AS SELECT
    events.event AS id,
    events.id AS event_id,
    sessions.id AS session_id,
    sessions.room AS room_name,
    events.participant AS participant_id,
    events.label AS text,
    events.at / 1000 AS ts,
    iso_time(events.received) AS created_at
FROM events JOIN sessions ON sessions.session = events.session
WHERE events.kind = 0;

CREATE VIEW fairy_orchestration_ledger AS SELECT
    events.event AS id,
    sessions.room,
    sessions.id AS session_id,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 2) AS trace_id,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 3) AS request_id,
    events.event_type AS action_type,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 5) AS task_id,
    events.status AS task_status,
    events.label AS task_title,
    iso_time(events.at) AS created_at
FROM events JOIN sessions ON sessions.session = events.session
WHERE events.source = 'fairy_orchestration_ledger';

CREATE VIEW agent_model_io AS SELECT
    events.event AS id,
    events.id AS event_id,
    events.sequence,
    iso_time(events.at) AS created_at,
    iso_time(events.expires) AS expires_at,
    sessions.id AS session_id,
    sessions.room,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 2) AS trace_id,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 3) AS request_id,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 4) AS intent_id,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 5) AS task_id,
    events.source,
    events.event_type,
    events.status,
    events.provider,
    events.model,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 9) AS provider_request_id,
    events.error,
    events.latency / 1000 AS latency_ms,
    (SELECT events.id || CASE events.revision WHEN 0 THEN '' ELSE '~' || events.revision END || ':input' FROM bodies WHERE bodies.event = events.event AND bodies.role = 0) AS input_blob_id,
    (SELECT bodies.size FROM bodies WHERE bodies.event = events.event AND bodies.role = 0) AS input_size_bytes,
    (SELECT encode(bodies.digest, 'hex') FROM bodies WHERE bodies.event = events.event AND bodies.role = 0) AS input_sha256,
    (SELECT events.id || CASE events.revision WHEN 0 THEN '' ELSE '~' || events.revision END || ':output' FROM bodies WHERE bodies.event = events.event AND bodies.role = 1) AS output_blob_id,
    (SELECT bodies.size FROM bodies WHERE bodies.event = events.event AND bodies.role = 1) AS output_size_bytes,
    (SELECT encode(bodies.digest, 'hex') FROM bodies WHERE bodies.event = events.event AND bodies.role = 1) AS output_sha256,
    (SELECT events.id || CASE events.revision WHEN 0 THEN '' ELSE '~' || events.revision END || ':system' FROM bodies WHERE bodies.event = events.event AND bodies.role = 2) AS system_blob_id,
    (SELECT bodies.size FROM bodies WHERE bodies.event = events.event AND bodies.role = 2) AS system_size_bytes,
    (SELECT encode(bodies.digest, 'hex') FROM bodies WHERE bodies.event = events.event AND bodies.role = 2) AS system_sha256
FROM events JOIN sessions ON sessions.session = events.session
WHERE events.kind = 1;

CREATE VIEW agent_tool_io AS SELECT
    events.event AS id,
    events.id AS event_id,
    events.sequence,
    iso_time(events.at) AS created_at,
    iso_time(events.expires) AS expires_at,
    sessions.id AS session_id,
    sessions.room,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 2) AS trace_id,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 3) AS request_id,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 4) AS intent_id,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 5) AS task_id,
    events.source,
    events.event_type,
    events.status,
    events.provider,
    events.model,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 9) AS provider_request_id,
    events.error,
    events.latency / 1000 AS latency_ms,
    (SELECT events.id || CASE events.revision WHEN 0 THEN '' ELSE '~' || events.revision END || ':input' FROM bodies WHERE bodies.event = events.event AND bodies.role = 0) AS input_blob_id,
    (SELECT bodies.size FROM bodies WHERE bodies.event = events.event AND bodies.role = 0) AS input_size_bytes,
    (SELECT encode(bodies.digest, 'hex') FROM bodies WHERE bodies.event = events.event AND bodies.role = 0) AS input_sha256,
    (SELECT events.id || CASE events.revision WHEN 0 THEN '' ELSE '~' || events.revision END || ':output' FROM bodies WHERE bodies.event = events.event AND bodies.role = 1) AS output_blob_id,
    (SELECT bodies.size FROM bodies WHERE bodies.event = events.event AND bodies.role = 1) AS output_size_bytes,
    (SELECT encode(bodies.digest, 'hex') FROM bodies WHERE bodies.event = events.event AND bodies.role = 1) AS output_sha256,
    events.tool AS tool_name,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 6) AS tool_call_id
FROM events JOIN sessions ON sessions.session = events.session
WHERE events.kind = 2;

CREATE VIEW agent_io_blobs AS SELECT
    events.id || CASE events.revision WHEN 0 THEN '' ELSE '~' || events.revision END || ':' || CASE bodies.role WHEN 0 THEN 'input' WHEN 1 THEN 'output' WHEN 2 THEN 'system'
        WHEN 3 THEN 'context' WHEN 4 THEN 'tools' WHEN 5 THEN 'metadata' ELSE 'raw' END AS id,
    events.id AS event_id,
    CASE bodies.role WHEN 0 THEN 'input' WHEN 1 THEN 'output' WHEN 2 THEN 'system'
        WHEN 3 THEN 'context' WHEN 4 THEN 'tools' WHEN 5 THEN 'metadata' ELSE 'raw' END AS kind,
    iso_time(events.received) AS created_at,
    iso_time(events.expires) AS expires_at,
    sessions.room,
    bodies.size AS size_bytes,
    encode(bodies.digest, 'hex') AS sha256,
    (events.flags & 32) <> 0 AS truncated
FROM bodies JOIN events ON events.event = bodies.event JOIN sessions ON sessions.session = events.session;