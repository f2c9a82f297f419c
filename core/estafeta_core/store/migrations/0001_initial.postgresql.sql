-- Events lie in a table for each month of their ids (`postgresql.partitions`): this one has what no month takes.
CREATE TABLE events_default PARTITION OF events DEFAULT;

-- The elements of a JSON array, as SQLite's json_each gives them.
CREATE FUNCTION elements(list text) RETURNS TABLE (key bigint, value text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 10 AS $$
    SELECT ordinality - 1, value FROM json_array_elements_text(list::json) WITH ORDINALITY
$$;

-- What happens to a message once, however often it is told. A partitioned table has no unique index without the key of
-- its partitions, so this is one.
CREATE TABLE events_once (
    message_id bigint NOT NULL,
    type       text COLLATE "C" NOT NULL,
    PRIMARY KEY (message_id, type)
);

CREATE FUNCTION once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events_once VALUES (new.message_id, new.type) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        RETURN new;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER events_once BEFORE INSERT ON events FOR EACH ROW
WHEN (new.type IN ('list_unsubscribe', 'link_unsubscribe', 'out_of_band', 'spam_complaint')
      AND new.message_id IS NOT NULL)
EXECUTE FUNCTION once();

CREATE FUNCTION forget_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM events_once USING gone WHERE events_once.message_id = gone.message_id;
    RETURN NULL;
END $$;

CREATE TRIGGER messages_removed AFTER DELETE ON messages
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION forget_once();

-- The last transaction of each process that writes: after a connection broke in a COMMIT, it tells whether that was done.
CREATE TABLE writers (
    writer   text PRIMARY KEY,
    sequence bigint NOT NULL,
    time     timestamptz NOT NULL
);
