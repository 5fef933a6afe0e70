-- The id of a blob is that of a slice: the name of its event, `id` or `id~revision`, and the role.

DROP VIEW agent_model_io;
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
    (SELECT events.id || CASE events.revision WHEN 0 THEN '' ELSE '~' || events.revision END || ':input' FROM bodies WHERE bodies.event = events.event AND bodies.role = 0) AS input_blob_id,
    (SELECT bodies.size FROM bodies WHERE bodies.event = events.event AND bodies.role = 0) AS input_size_bytes,
    (SELECT lower(hex(bodies.digest)) FROM bodies WHERE bodies.event = events.event AND bodies.role = 0) AS input_sha256,
    (SELECT events.id || CASE events.revision WHEN 0 THEN '' ELSE '~' || events.revision END || ':output' FROM bodies WHERE bodies.event = events.event AND bodies.role = 1) AS output_blob_id,
    (SELECT bodies.size FROM bodies WHERE bodies.event = events.event AND bodies.role = 1) AS output_size_bytes,
    (SELECT lower(hex(bodies.digest)) FROM bodies WHERE bodies.event = events.event AND bodies.role = 1) AS output_sha256,
    (SELECT events.id || CASE events.revision WHEN 0 THEN '' ELSE '~' || events.revision END || ':system' FROM bodies WHERE bodies.event = events.event AND bodies.role = 2) AS system_blob_id,
    (SELECT bodies.size FROM bodies WHERE bodies.event = events.event AND bodies.role = 2) AS system_size_bytes,
    (SELECT lower(hex(bodies.digest)) FROM bodies WHERE bodies.event = events.event AND bodies.role = 2) AS system_sha256
FROM events JOIN sessions ON sessions.session = events.session
WHERE events.kind = 1;

DROP VIEW agent_tool_io;
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
    (SELECT events.id || CASE events.revision WHEN 0 THEN '' ELSE '~' || events.revision END || ':input' FROM bodies WHERE bodies.event = events.event AND bodies.role = 0) AS input_blob_id,
    (SELECT bodies.size FROM bodies WHERE bodies.event = events.event AND bodies.role = 0) AS input_size_bytes,
    (SELECT lower(hex(bodies.digest)) FROM bodies WHERE bodies.event = events.event AND bodies.role = 0) AS input_sha256,
    (SELECT events.id || CASE events.revision WHEN 0 THEN '' ELSE '~' || events.revision END || ':output' FROM bodies WHERE bodies.event = events.event AND bodies.role = 1) AS output_blob_id,
    (SELECT bodies.size FROM bodies WHERE bodies.event = events.event AND bodies.role = 1) AS output_size_bytes,
    (SELECT lower(hex(bodies.digest)) FROM bodies WHERE bodies.event = events.event AND bodies.role = 1) AS output_sha256,
    events.tool AS tool_name,
    (SELECT min(keys.value) FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event = events.event AND keys.kind = 6) AS tool_call_id
FROM events JOIN sessions ON sessions.session = events.session
WHERE events.kind = 2;

DROP VIEW agent_io_blobs;
CREATE VIEW agent_io_blobs AS SELECT
    events.id || CASE events.revision WHEN 0 THEN '' ELSE '~' || events.revision END || ':' || CASE bodies.role WHEN 0 THEN 'input' WHEN 1 THEN 'output' WHEN 2 THEN 'system'
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
