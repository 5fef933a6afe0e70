-- Tokens of services, by name: what they hash to, what they are for, and how long.

CREATE TABLE tokens (
    name TEXT NOT NULL PRIMARY KEY,
    digest BLOB NOT NULL,
    scopes TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT,
    revoked BIGINT
) WITHOUT ROWID;
