-- Credentials that were suspended by themselves, because of what came back of their mail, and until when.

CREATE TABLE credential_suspensions (
    account         TEXT NOT NULL,
    credential      TEXT NOT NULL,
    since           INTEGER NOT NULL,
    until           INTEGER,
    reason          TEXT NOT NULL,
    recipients      INTEGER NOT NULL,
    complaints      INTEGER NOT NULL,
    bounces         INTEGER NOT NULL,
    PRIMARY KEY (account, credential, since)
) STRICT, WITHOUT ROWID;

-- NULLs are all different to an index: as 0 there is one in force for a credential, and those in force are found.
CREATE UNIQUE INDEX credential_suspensions_until
    ON credential_suspensions (coalesce(until, 0), account, credential);
