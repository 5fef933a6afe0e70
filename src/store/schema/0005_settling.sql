-- What settling asks for, so that it costs what is new and not what is there.

CREATE INDEX sessions_by_fork ON sessions (forked_from) WHERE forked_from IS NOT NULL;
CREATE INDEX sessions_by_parent ON sessions (parent) WHERE parent IS NOT NULL;
CREATE INDEX shared_sessions_by_other ON shared_sessions (other);

-- A hash of what stays the same of a record when a fork copies it under another time.
ALTER TABLE records ADD COLUMN copied BIGINT;

-- 0: nothing of the session was counted yet, and all its events are newer than the mark below. 1: its counts are
-- those of all its events up to the mark. 2: they must be counted anew from all of its events.
ALTER TABLE sessions ADD COLUMN counted BIGINT NOT NULL DEFAULT 0;
UPDATE sessions SET counted = 2, settled = 0;
-- Findings that its events tell of by themselves; `findings` may also hold those of its joins.
ALTER TABLE sessions ADD COLUMN own_findings BIGINT NOT NULL DEFAULT 0;

-- The number of the last event that was counted.
CREATE TABLE counted_events (upto BIGINT NOT NULL);
INSERT INTO counted_events (upto) SELECT coalesce(max(event), 0) FROM events;

-- Starts and outcomes of model calls, which are paired when settling; few formats have any.
CREATE INDEX events_halves ON events (session) WHERE kind = 1 AND phase IN (1, 3);
-- What importers noted where something does not add up.
CREATE INDEX attributes_noted ON attributes (event) WHERE name IN ('digest_mismatch', 'blob_missing',
    'usage_mismatch', 'last_token_usage_differs', 'out_of_window', 'time_out_of_range');

-- Ids that were derived from content, which reading on in a source must count.
CREATE INDEX events_derived ON events (record, id) WHERE id >= 'r-' AND id < 'r.';
