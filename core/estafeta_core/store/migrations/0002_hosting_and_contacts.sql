-- What is kept for recipients and for the account itself, and which queue files are copies of which.

-- The bytes lie in files named by their digest; an account keeps each once.
CREATE TABLE files (
    account         TEXT NOT NULL,
    digest          TEXT NOT NULL,
    size            INTEGER NOT NULL,
    kept            INTEGER NOT NULL,
    PRIMARY KEY (account, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX files_digest ON files (digest);
CREATE INDEX files_kept ON files (kept);

-- The bytes of each account together: they are asked for with every message, and files are many.
CREATE TABLE kept_bytes (
    account         TEXT PRIMARY KEY,
    bytes           INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER files_added AFTER INSERT ON files
BEGIN
    INSERT INTO kept_bytes VALUES (new.account, new.size)
    ON CONFLICT (account) DO UPDATE SET bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER files_removed AFTER DELETE ON files
BEGIN
    UPDATE kept_bytes SET bytes = bytes - old.size WHERE account = old.account;
END;

CREATE TABLE contents (
    transmission_id INTEGER PRIMARY KEY,
    message_id      INTEGER NOT NULL,
    account         TEXT NOT NULL,
    digest          TEXT NOT NULL,
    charset         TEXT NOT NULL,
    created         INTEGER NOT NULL
) STRICT;

CREATE INDEX contents_account ON contents (account, transmission_id);
CREATE INDEX contents_created ON contents (created);

CREATE TABLE groups (
    group_id        INTEGER PRIMARY KEY,
    account         TEXT NOT NULL,
    name            TEXT NOT NULL,
    transmission_id INTEGER,
    created         INTEGER NOT NULL
) STRICT;

CREATE INDEX groups_account ON groups (account, group_id);
CREATE INDEX groups_transmission ON groups (transmission_id) WHERE transmission_id IS NOT NULL;

CREATE TABLE group_contacts (
    group_id        INTEGER NOT NULL,
    address         TEXT NOT NULL,
    PRIMARY KEY (group_id, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE contacts (
    account         TEXT NOT NULL,
    address         TEXT NOT NULL,
    created         INTEGER NOT NULL,
    PRIMARY KEY (account, address)
) STRICT, WITHOUT ROWID;

CREATE INDEX contacts_created ON contacts (account, created, address);

CREATE TABLE requeued (
    queue_id        TEXT PRIMARY KEY,
    original        TEXT NOT NULL,
    time            INTEGER NOT NULL,
    message_id      INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX requeued_original ON requeued (original);

CREATE INDEX requeued_time ON requeued (time);

CREATE INDEX transmissions_account ON transmissions (account, transmission_id);
