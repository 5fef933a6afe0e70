-- Filters that the user saved, by name.

CREATE TABLE filters (
    name TEXT NOT NULL PRIMARY KEY,
    text TEXT NOT NULL
) WITHOUT ROWID;
