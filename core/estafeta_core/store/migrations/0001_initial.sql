-- Transmissions, their recipients, what happened to them, and whom not to mail.
-- Times are Unix milliseconds; ids are 63-bit and rise with time, so new rows go to the end of each table.

CREATE TABLE transmissions (
    transmission_id INTEGER PRIMARY KEY,
    queue_id        TEXT NOT NULL,
    account         TEXT NOT NULL,
    credential      TEXT NOT NULL,
    subaccount      TEXT,
    dialect         TEXT NOT NULL,
    listener        TEXT NOT NULL,
    customer_id     TEXT NOT NULL,
    injection_time  INTEGER NOT NULL,
    msg_from        TEXT NOT NULL,
    friendly_from   TEXT NOT NULL,
    subject         TEXT NOT NULL,
    msg_size        INTEGER NOT NULL,
    campaign_id     TEXT NOT NULL,
    metadata        TEXT NOT NULL,
    tags            TEXT NOT NULL,
    open_tracking   INTEGER NOT NULL,
    click_tracking  INTEGER NOT NULL,
    initial_pixel   INTEGER NOT NULL,
    transactional   INTEGER NOT NULL
) STRICT;

CREATE INDEX transmissions_queue_id ON transmissions (queue_id);

CREATE TABLE messages (
    message_id      INTEGER PRIMARY KEY,
    transmission_id INTEGER NOT NULL,
    rcpt_to         TEXT NOT NULL,
    raw_rcpt_to     TEXT NOT NULL,
    rcpt_type       TEXT NOT NULL
) STRICT;

CREATE INDEX messages_transmission ON messages (transmission_id, rcpt_to);

CREATE TABLE events (
    event_id        INTEGER PRIMARY KEY,
    type            TEXT NOT NULL,
    timestamp       INTEGER NOT NULL,
    transmission_id INTEGER NOT NULL,
    message_id      INTEGER,
    account         TEXT NOT NULL,
    subaccount      TEXT,
    data            TEXT NOT NULL
) STRICT;

CREATE INDEX events_transmission ON events (transmission_id, message_id);
CREATE INDEX events_timestamp ON events (timestamp);
CREATE INDEX events_account ON events (account, timestamp);

-- Whoever unsubscribes twice by the same way has unsubscribed once.
CREATE UNIQUE INDEX events_unsubscribe ON events (message_id, type)
    WHERE type IN ('list_unsubscribe', 'link_unsubscribe');

-- subaccount is '' for the account itself: NULLs are all different to a primary key.
CREATE TABLE suppressions (
    account         TEXT NOT NULL,
    subaccount      TEXT NOT NULL,
    recipient       TEXT NOT NULL,
    type            TEXT NOT NULL,
    source          TEXT NOT NULL,
    description     TEXT NOT NULL,
    created         INTEGER NOT NULL,
    PRIMARY KEY (account, subaccount, recipient, type)
) STRICT, WITHOUT ROWID;

-- Every tag that an account with a limit of distinct tags has used.
CREATE TABLE tags (
    account         TEXT NOT NULL,
    tag             TEXT NOT NULL,
    PRIMARY KEY (account, tag)
) STRICT, WITHOUT ROWID;

CREATE TABLE log_positions (
    log             TEXT PRIMARY KEY,
    inode           INTEGER NOT NULL,
    "offset"        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
