-- The names of the original system, for queries that know them. Payload text comes through turnscope.

CREATE INDEX event_keys_by_event ON event_keys (event);

CREATE VIEW agent_model_io AS SELECT
    events.event AS id,
    events.id AS event_id,
    events.sequence,
    strftime('%Y-%m-%dT%H:%M:%fZ', events.at / 1000000.0, 'unixepoch') AS created_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', events.expires / 1000000.0, 'unixepoch') AS expires_at,
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
    (SELECT bodies.event || ':input' FROM bodies WHERE bodies.event = events.event AND bodies.role = 0) AS input_blob_id,
    (SELECT bodies.size FROM bodies WHERE bodies.event = events.event AND bodies.role = 0) AS input_size_bytes,
    (SELECT lower(hex(bodies.digest)) FROM bodies WHERE bodies.event = events.event AND bodies.role = 0) AS input_sha256,
    (SELECT bodies.event || ':output' FROM bodies WHERE bodies.event = events.event AND bodies.role = 1) AS output_blob_id,
    (SELECT bodies.size FROM bodies WHERE bodies.event = events.event AND bodies.role = 1) AS output_size_bytes,
    (SELECT lower(hex(bodies.digest)) FROM bodies WHERE bodies.event = events.event AND bodies.role = 1) AS output_sha256,
    (SELECT bodies.event || ':system' FROM bodies WHERE bodies.event = events.event AND bodies.role = 2) AS system_blob_id,
    (SELECT bodies.size FROM bodies WHERE bodies.event = events.event AND bodies.role = 2) AS system_size_bytes,
    (SELECT lower(hex(bodies.digest)) FROM bodies WHERE bodies.event = events.event AND bodies.role = 2) AS system_sha256
FROM events JOIN sessions ON sessions.session = events.session
WHERE events.kind = 1;

CREATE VIEW agent_tool_io AS SELECT
    events.event AS id,
    events.id AS event_id,
    events.sequence,
    strftime('%Y-%m-%dT%H:%M:%fZ', events.at / 1000000.0, 'unixepoch') AS created_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', events.expires / 1000000.0, 'unixepoch') AS expires_at,
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
    (SELECT bodies.event || ':input' FROM bodies WHERE bodies.event = events.event AND bodies.role = 0) AS input_blob_id,
    (SELECT bodies.size FROM bodies WHERE bodies.event = events.event AND bodies.role = 0) AS input_size_bytes,
    (SELECT lower(hex(bodies.digest)) FROM bodies WHERE bodies.event = events.event AND bodies.role = 0) AS input_sha256,
    (SELECT bodies.event || ':output' FROM bodies WHERE bodies.event = events.event AND bodies.role = 1) AS output_blob_id,
    (SELECT bodies.size FROM bodies WHERE bodies.event = events.event AND bodies.role = 1) AS output_size_bytes,
    (SELECT lower(hex(bodies.digest)) FROM bodies WHERE bodies.event = events.event AND bodies.role = 1) AS output_sha256,
    events.tool AS tool_name,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 6) AS tool_call_id
FROM events JOIN sessions ON sessions.session = events.session
WHERE events.kind = 2;

CREATE VIEW agent_trace_events AS SELECT
    events.event AS id,
    events.id AS event_id,
    events.sequence,
    strftime('%Y-%m-%dT%H:%M:%fZ', events.at / 1000000.0, 'unixepoch') AS created_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', events.expires / 1000000.0, 'unixepoch') AS expires_at,
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
    strftime('%Y-%m-%dT%H:%M:%fZ', events.at / 1000000.0, 'unixepoch') AS created_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', events.expires / 1000000.0, 'unixepoch') AS expires_at,
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
    strftime('%Y-%m-%dT%H:%M:%fZ', events.received / 1000000.0, 'unixepoch') AS created_at
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
    strftime('%Y-%m-%dT%H:%M:%fZ', events.at / 1000000.0, 'unixepoch') AS created_at
FROM events JOIN sessions ON sessions.session = events.session
WHERE events.source = 'fairy_orchestration_ledger';

CREATE VIEW agent_io_blobs AS SELECT
    bodies.event || ':' || CASE bodies.role WHEN 0 THEN 'input' WHEN 1 THEN 'output' WHEN 2 THEN 'system'
        WHEN 3 THEN 'context' WHEN 4 THEN 'tools' WHEN 5 THEN 'metadata' ELSE 'raw' END AS id,
    events.id AS event_id,
    CASE bodies.role WHEN 0 THEN 'input' WHEN 1 THEN 'output' WHEN 2 THEN 'system'
        WHEN 3 THEN 'context' WHEN 4 THEN 'tools' WHEN 5 THEN 'metadata' ELSE 'raw' END AS kind,
    strftime('%Y-%m-%dT%H:%M:%fZ', events.received / 1000000.0, 'unixepoch') AS created_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', events.expires / 1000000.0, 'unixepoch') AS expires_at,
    sessions.room,
    bodies.size AS size_bytes,
    lower(hex(bodies.digest)) AS sha256,
    (events.flags & 32) <> 0 AS truncated
FROM bodies JOIN events ON events.event = bodies.event JOIN sessions ON sessions.session = events.session;
