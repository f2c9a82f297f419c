-- Whose turn it is to do what one host does at a time, and until when, in Unix milliseconds by the clock of the store.

CREATE TABLE leases (
    name            TEXT NOT NULL PRIMARY KEY,
    node            TEXT NOT NULL,
    until           INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO leases VALUES ('worker', '', 0);
