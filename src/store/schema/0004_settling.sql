-- What settling asks for, so that it costs what is new and not what is there.

CREATE INDEX sessions_by_fork ON sessions (forked_from) WHERE forked_from IS NOT NULL;
CREATE INDEX sessions_by_parent ON sessions (parent) WHERE parent IS NOT NULL;
CREATE INDEX shared_sessions_by_other ON shared_sessions (other);
