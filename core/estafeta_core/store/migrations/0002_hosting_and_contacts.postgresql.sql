CREATE FUNCTION count_kept_bytes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO kept_bytes VALUES (new.account, new.size)
        ON CONFLICT (account) DO UPDATE SET bytes = kept_bytes.bytes + excluded.bytes;
    ELSE
        UPDATE kept_bytes SET bytes = bytes - old.size WHERE account = old.account;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER files_counted AFTER INSERT OR DELETE ON files FOR EACH ROW EXECUTE FUNCTION count_kept_bytes();
