-- The newest sessions come first in every list, and those without a time last. An index that says so is read in that
-- order; one that only names the column is not. SQLite reads it so either way, and has no such step.

DROP INDEX sessions_by_end;
CREATE INDEX sessions_by_end ON sessions (ended DESC NULLS LAST);
