-- What settling asks for, so that it costs what is new and not what is there.

CREATE INDEX sessions_by_fork ON sessions (forked_from) WHERE forked_from IS NOT NULL;
CREATE INDEX sessions_by_parent ON sessions (parent) WHERE parent IS NOT NULL;
CREATE INDEX shared_sessions_by_other ON shared_sessions (other);

-- A hash of what stays the same of a record when a fork copies it under another time.
ALTER TABLE records ADD COLUMN copied BIGINT;
