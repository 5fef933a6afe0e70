-- Retention: what is held back from it, what it took away, and by which receipt.

DROP TABLE tombstones;

-- What stands in the place of a purged event.
CREATE TABLE tombstones (
    event INTEGER PRIMARY KEY,
    receipt BIGINT NOT NULL
);

-- One row a purge. It is written with every batch, so that it is right however the purge ends.
CREATE TABLE receipts (
    receipt INTEGER PRIMARY KEY,
    -- `unfinished`, `done`, `cancelled` or `failed`.
    state TEXT NOT NULL,
    begun BIGINT NOT NULL,
    ended BIGINT,
    as_of BIGINT NOT NULL,
    -- What was asked for: JSON.
    scope TEXT NOT NULL,
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
    digest BLOB NOT NULL
);

-- Sessions that no purge touches, with their sub-agents.
CREATE TABLE holds (
    session TEXT NOT NULL PRIMARY KEY,
    reason TEXT,
    held BIGINT NOT NULL
) WITHOUT ROWID;

-- The receipt by which the bytes of a record went.
ALTER TABLE records ADD COLUMN purged BIGINT;

-- Whether anything still refers to a piece, a blob or a record.
CREATE INDEX blob_pieces_by_piece ON blob_pieces (piece);
CREATE INDEX bodies_of_blobs ON bodies (blob) WHERE start = 0;
CREATE INDEX event_origins_by_record ON event_origins (record);
