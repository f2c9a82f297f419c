CREATE VIEW webhook_wants AS
    SELECT s.webhook_id, e.event_id, e.account, e.timestamp, e.transmission_id
    FROM events e
    JOIN webhook_events s ON s.account = e.account AND s.type = e.type
    JOIN webhooks w ON w.webhook_id = s.webhook_id
    WHERE (w.subaccount IS NULL OR w.subaccount = coalesce(e.subaccount, ''))
    AND coalesce(e.subaccount, '0') NOT IN (SELECT value FROM elements(w.exceptions));

CREATE FUNCTION hand_to_webhooks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM fresh f JOIN webhook_events s ON s.account = f.account AND s.type = f.type) THEN
        INSERT INTO outbox
        SELECT webhook_id, event_id FROM webhook_wants WHERE event_id IN (SELECT event_id FROM fresh);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER events_to_webhooks AFTER INSERT ON events
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION hand_to_webhooks();

CREATE FUNCTION note_webhook() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM webhook_events WHERE account = old.account AND webhook_id = old.webhook_id;
    END IF;
    IF TG_OP = 'DELETE' THEN
        DELETE FROM outbox WHERE webhook_id = old.webhook_id;
        DELETE FROM webhook_batches WHERE webhook_id = old.webhook_id;
    ELSIF new.active <> 0 THEN
        INSERT INTO webhook_events SELECT new.account, value, new.webhook_id FROM elements(new.events);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER webhooks_added AFTER INSERT OR DELETE ON webhooks FOR EACH ROW EXECUTE FUNCTION note_webhook();

CREATE TRIGGER webhooks_changed AFTER UPDATE OF events, active ON webhooks
FOR EACH ROW EXECUTE FUNCTION note_webhook();

CREATE FUNCTION take_from_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM outbox WHERE webhook_id = new.webhook_id
    AND event_id IN (SELECT CAST(value AS bigint) FROM elements(new.event_ids));
    RETURN NULL;
END $$;

CREATE TRIGGER webhook_batches_taken AFTER INSERT ON webhook_batches
FOR EACH ROW EXECUTE FUNCTION take_from_outbox();

CREATE FUNCTION note_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE webhooks SET
        last_successful = CASE new.state WHEN 'delivered' THEN new.tried ELSE last_successful END,
        last_failure = CASE new.state WHEN 'delivered' THEN last_failure ELSE new.tried END
    WHERE webhook_id = new.webhook_id;
    RETURN NULL;
END $$;

CREATE TRIGGER webhook_batches_tried AFTER UPDATE OF attempts ON webhook_batches
FOR EACH ROW EXECUTE FUNCTION note_attempt();
