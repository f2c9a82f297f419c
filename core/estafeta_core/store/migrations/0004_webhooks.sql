-- Webhooks, which events each of them still has to get, and the batches in which it gets them.

CREATE TABLE webhooks (
    webhook_id      TEXT PRIMARY KEY,
    account         TEXT NOT NULL,
    subaccount      TEXT,
    name            TEXT NOT NULL,
    target          TEXT NOT NULL,
    active          INTEGER NOT NULL,
    events          TEXT NOT NULL,
    exceptions      TEXT NOT NULL,
    settings        TEXT NOT NULL,
    secret          TEXT NOT NULL,
    created         INTEGER NOT NULL,
    last_successful INTEGER,
    last_failure    INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX webhooks_account ON webhooks (account, created);
CREATE INDEX webhooks_active ON webhooks (active, webhook_id);

-- The types of events that active webhooks ask for: all that an event looks at where nobody asks for it.
CREATE TABLE webhook_events (
    account         TEXT NOT NULL,
    type            TEXT NOT NULL,
    webhook_id      TEXT NOT NULL,
    PRIMARY KEY (account, type, webhook_id)
) STRICT, WITHOUT ROWID;

-- What each webhook still has to get and no batch holds yet. Rows are there as soon as their event is, whichever
-- process wrote it, so ids need not come in the order of commits.
CREATE TABLE outbox (
    webhook_id      TEXT NOT NULL,
    event_id        INTEGER NOT NULL,
    PRIMARY KEY (webhook_id, event_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_batches (
    batch_id        INTEGER PRIMARY KEY,
    webhook_id      TEXT NOT NULL,
    event_ids       TEXT NOT NULL,
    size            INTEGER NOT NULL,
    created         INTEGER NOT NULL,
    state           TEXT NOT NULL,
    next_attempt    INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    tried           INTEGER NOT NULL,
    latency         INTEGER NOT NULL,
    response_code   INTEGER,
    failure         TEXT NOT NULL
) STRICT;

CREATE INDEX webhook_batches_due ON webhook_batches (webhook_id, state, next_attempt);
CREATE INDEX webhook_batches_tried ON webhook_batches (webhook_id, tried);
CREATE INDEX webhook_batches_ended ON webhook_batches (tried) WHERE state <> 'waiting';

-- Which events an active webhook wants. A subaccount of '' is what belongs to none; SparkPost calls that 0.
CREATE VIEW webhook_wants AS
    SELECT s.webhook_id, e.event_id, e.account, e.timestamp, e.transmission_id
    FROM events e
    JOIN webhook_events s ON s.account = e.account AND s.type = e.type
    JOIN webhooks w ON w.webhook_id = s.webhook_id
    WHERE (w.subaccount IS NULL OR w.subaccount = coalesce(e.subaccount, ''))
    AND coalesce(e.subaccount, '0') NOT IN (SELECT value FROM json_each(w.exceptions));

CREATE TRIGGER events_to_webhooks AFTER INSERT ON events
WHEN EXISTS (SELECT 1 FROM webhook_events WHERE account = new.account AND type = new.type)
BEGIN
    INSERT INTO outbox SELECT webhook_id, event_id FROM webhook_wants WHERE event_id = new.event_id;
END;

CREATE TRIGGER webhooks_added AFTER INSERT ON webhooks
BEGIN
    INSERT INTO webhook_events
    SELECT new.account, value, new.webhook_id FROM json_each(new.events) WHERE new.active;
END;

CREATE TRIGGER webhooks_changed AFTER UPDATE OF events, active ON webhooks
BEGIN
    DELETE FROM webhook_events WHERE account = new.account AND webhook_id = new.webhook_id;
    INSERT INTO webhook_events
    SELECT new.account, value, new.webhook_id FROM json_each(new.events) WHERE new.active;
END;

CREATE TRIGGER webhooks_removed AFTER DELETE ON webhooks
BEGIN
    DELETE FROM webhook_events WHERE account = old.account AND webhook_id = old.webhook_id;
    DELETE FROM outbox WHERE webhook_id = old.webhook_id;
    DELETE FROM webhook_batches WHERE webhook_id = old.webhook_id;
END;

-- A batch takes its events out of the outbox: an event is in one of the two, or delivered, or given up.
CREATE TRIGGER webhook_batches_taken AFTER INSERT ON webhook_batches
BEGIN
    DELETE FROM outbox
    WHERE webhook_id = new.webhook_id AND event_id IN (SELECT value FROM json_each(new.event_ids));
END;

CREATE TRIGGER webhook_batches_tried AFTER UPDATE OF attempts ON webhook_batches
BEGIN
    UPDATE webhooks SET
        last_successful = CASE new.state WHEN 'delivered' THEN new.tried ELSE last_successful END,
        last_failure = CASE new.state WHEN 'delivered' THEN last_failure ELSE new.tried END
    WHERE webhook_id = new.webhook_id;
END;
