-- What each source tells of a session. A session is called by what the sources say together, so that it makes no
-- difference which of them came first.

CREATE TABLE tellings (
    -- The session's id.
    session TEXT NOT NULL,
    -- 0 for what came without a source, and for what was known before sources were told apart.
    source BIGINT NOT NULL,
    -- The first time that the source wrote; the largest number while there is none.
    since BIGINT NOT NULL,
    agent TEXT NOT NULL,
    parent TEXT,
    lineage TEXT,
    forked_from TEXT,
    title TEXT,
    -- What the title is worth: of several the greatest counts.
    title_rank BIGINT NOT NULL,
    title_time BIGINT NOT NULL,
    project TEXT,
    room TEXT,
    canvas TEXT,
    cwd TEXT,
    git_branch TEXT,
    host TEXT,
    PRIMARY KEY (session, source)
) WITHOUT ROWID;

-- What was known stands behind what sources tell from now on, so it is as if it had been told last.
INSERT INTO tellings (session, source, since, agent, parent, lineage, forked_from, title, title_rank, title_time, project,
    room, canvas, cwd, git_branch, host)
    SELECT id, 0, 9223372036854775807, agent, parent, CASE WHEN lineage = id THEN NULL ELSE lineage END, forked_from,
    CASE agent WHEN 'otel' THEN NULL ELSE title END, 0, 0, CASE agent WHEN 'otel' THEN NULL ELSE project END, room, canvas,
    cwd, git_branch, host FROM sessions;

-- How many newer events with its id there are at least, as the slice says that it came with. What several events with
-- one id are called follows from this and from them.
ALTER TABLE event_ids ADD COLUMN said BIGINT NOT NULL DEFAULT 0;
