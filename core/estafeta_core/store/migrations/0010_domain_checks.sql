-- Domains and DKIM keys that DNS verifies: what it has to show, what it said, and when it is asked again.

CREATE TABLE domain_checks (
    account         TEXT NOT NULL,
    domain          TEXT NOT NULL,
    key             TEXT NOT NULL,
    challenge       TEXT NOT NULL,
    state           TEXT NOT NULL,
    since           INTEGER NOT NULL,
    missing         INTEGER,
    checked         INTEGER,
    answer          TEXT NOT NULL,
    due             INTEGER NOT NULL,
    change          INTEGER NOT NULL,
    PRIMARY KEY (account, domain, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX domain_checks_due ON domain_checks (due);

-- Rises with each change of a state, in whatever order they are committed: whoever has seen the sum has seen them all.
CREATE INDEX domain_checks_change ON domain_checks (change);
