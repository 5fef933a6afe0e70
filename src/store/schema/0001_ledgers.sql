-- The ledgers: sessions, where they come from, their events, and the bytes of their bodies.

CREATE TABLE sessions (
    session INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    parent TEXT,
    lineage TEXT NOT NULL,
    title TEXT,
    agent TEXT NOT NULL,
    project TEXT,
    room TEXT,
    canvas TEXT,
    cwd TEXT,
    git_branch TEXT,
    host TEXT,
    models TEXT NOT NULL DEFAULT '[]',
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
    usage_source TEXT NOT NULL DEFAULT 'none',
    -- What this session was forked from, where its records say so.
    forked_from TEXT,
    -- 0 while its counts wait for their next reckoning.
    settled BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX sessions_by_end ON sessions (ended);
CREATE INDEX sessions_unsettled ON sessions (session) WHERE settled = 0;
CREATE INDEX sessions_by_lineage ON sessions (lineage);

-- Pairs of sessions that hold the same events: forks and resumes.
CREATE TABLE shared_sessions (
    session BIGINT NOT NULL,
    other BIGINT NOT NULL,
    PRIMARY KEY (session, other)
) WITHOUT ROWID;

-- Stored runs of bytes, told apart by what they hash to. Codec 0: as they are; 1: zstd.
CREATE TABLE pieces (
    piece INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    size BIGINT NOT NULL,
    codec BIGINT NOT NULL,
    bytes BLOB NOT NULL
);

-- Whole byte sequences made of pieces: the content of a source, or a body that is no part of one.
CREATE TABLE blobs (
    blob INTEGER PRIMARY KEY,
    digest BLOB UNIQUE,
    size BIGINT NOT NULL
);
CREATE TABLE blob_pieces (
    blob BIGINT NOT NULL,
    start BIGINT NOT NULL,
    piece BIGINT NOT NULL,
    PRIMARY KEY (blob, start)
) WITHOUT ROWID;

CREATE TABLE sources (
    source INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    revision BIGINT NOT NULL,
    importer TEXT NOT NULL,
    size BIGINT NOT NULL,
    modified BIGINT NOT NULL,
    inode BIGINT NOT NULL,
    -- SHA-256 of the bytes just before `consumed`.
    tail BLOB NOT NULL,
    -- Where reading goes on when the source has grown.
    consumed BIGINT NOT NULL,
    blob BIGINT NOT NULL,
    -- What the importer must know to go on: JSON.
    state TEXT NOT NULL,
    lines BIGINT NOT NULL,
    records BIGINT NOT NULL,
    represented BIGINT NOT NULL,
    bad BIGINT NOT NULL,
    events BIGINT NOT NULL,
    -- The ids of the sessions that have events from it: a JSON list.
    sessions TEXT NOT NULL,
    UNIQUE (path, revision)
);

-- Every record that was read. Status 0: good; 1: bad; 2: cut, waiting for its rest.
CREATE TABLE records (
    record INTEGER PRIMARY KEY,
    source BIGINT NOT NULL,
    start BIGINT NOT NULL,
    size BIGINT NOT NULL,
    status BIGINT NOT NULL,
    digest BLOB NOT NULL,
    UNIQUE (source, start)
);

CREATE TABLE events (
    event INTEGER PRIMARY KEY,
    session BIGINT NOT NULL,
    order_time BIGINT NOT NULL,
    origin BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    id TEXT NOT NULL,
    revision BIGINT NOT NULL,
    at BIGINT,
    received BIGINT NOT NULL,
    expires BIGINT,
    kind BIGINT NOT NULL,
    source TEXT NOT NULL,
    event_type TEXT NOT NULL,
    status TEXT,
    label TEXT NOT NULL,
    turn TEXT,
    -- A hash of the turn's name; 0 for none.
    turn_hash BIGINT NOT NULL,
    phase BIGINT NOT NULL,
    -- The record it was first read from.
    record BIGINT,
    -- Numbers of its keys, each with the rule that derived it: `12 13 14=rule`.
    keys TEXT NOT NULL,
    provider TEXT,
    model TEXT,
    tool TEXT,
    participant TEXT,
    latency BIGINT,
    usage_input BIGINT,
    usage_cache_read BIGINT,
    usage_cache_write BIGINT,
    usage_output BIGINT,
    usage_reasoning BIGINT,
    usage_total BIGINT,
    usage_rule TEXT,
    usage_source TEXT,
    error TEXT,
    flags BIGINT NOT NULL
);
CREATE INDEX events_in_order ON events (session, order_time, origin, sequence, id);
CREATE INDEX events_by_record ON events (record);
CREATE INDEX events_by_turn ON events (session, turn_hash) WHERE turn_hash <> 0;

-- Who an event is: the same id with the same content in one session is the same event.
CREATE TABLE event_ids (
    id TEXT NOT NULL,
    session BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    content BLOB NOT NULL,
    event BIGINT NOT NULL,
    PRIMARY KEY (id, session, revision)
) WITHOUT ROWID;

-- Further records that an event was read from, beside its first.
CREATE TABLE event_origins (
    event BIGINT NOT NULL,
    record BIGINT NOT NULL,
    PRIMARY KEY (event, record)
) WITHOUT ROWID;

CREATE TABLE keys (
    key INTEGER PRIMARY KEY,
    kind BIGINT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (kind, value)
);
CREATE TABLE event_keys (
    key BIGINT NOT NULL,
    event BIGINT NOT NULL,
    PRIMARY KEY (key, event)
) WITHOUT ROWID;

CREATE TABLE attributes (
    event BIGINT NOT NULL,
    position BIGINT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (event, position)
) WITHOUT ROWID;

-- Where the bodies of an event lie. The whole record is its raw body, unless one stands here.
CREATE TABLE bodies (
    event BIGINT NOT NULL,
    role BIGINT NOT NULL,
    blob BIGINT NOT NULL,
    start BIGINT NOT NULL,
    size BIGINT NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (event, role)
) WITHOUT ROWID;

-- Marks and notes, keyed by stable ids so that they outlive a re-import.
CREATE TABLE annotations (
    session TEXT NOT NULL,
    item TEXT NOT NULL,
    marked BIGINT NOT NULL,
    note TEXT,
    PRIMARY KEY (session, item)
) WITHOUT ROWID;

-- What was purged, so that the next import does not bring it back.
CREATE TABLE tombstones (
    session TEXT NOT NULL PRIMARY KEY,
    purged BIGINT NOT NULL
) WITHOUT ROWID;
