-- The accounts directory of large fleets (`directory: store`): each account's YAML text, and what it says as JSON, which
-- is read forty times as fast. An account that was removed keeps its row, without text, so that readers hear of it.

CREATE TABLE accounts (
    account         TEXT NOT NULL PRIMARY KEY,
    change          INTEGER NOT NULL,
    text            BLOB,
    value           BLOB
) STRICT, WITHOUT ROWID;

CREATE INDEX accounts_in_order ON accounts (change, account);

-- Rises with each change. Whoever changes accounts locks the row until the commit, so changes are seen in their order.
CREATE TABLE accounts_change (
    id              INTEGER NOT NULL PRIMARY KEY,
    change          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO accounts_change VALUES (1, 0);

-- What one account only may have: keys, by their SHA-256, and user names.
CREATE TABLE account_entries (
    entry           TEXT NOT NULL,
    kind            TEXT NOT NULL,
    dialect         TEXT NOT NULL,
    account         TEXT NOT NULL,
    PRIMARY KEY (entry, kind, dialect)
) STRICT, WITHOUT ROWID;

CREATE INDEX account_entries_account ON account_entries (account);
