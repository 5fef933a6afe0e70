-- Sessions that turned out to be others: a trace is a session of its own until a span of it names a conversation.

CREATE TABLE adopted (
    first TEXT NOT NULL PRIMARY KEY,
    -- The id that it is known by.
    session TEXT NOT NULL
) WITHOUT ROWID;
