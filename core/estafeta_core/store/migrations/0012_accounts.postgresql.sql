-- Those who listen hear of a change when it is committed; the others see it when they look.
CREATE FUNCTION tell_of_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY estafeta_accounts;
    RETURN NULL;
END $$;

CREATE TRIGGER accounts_changed AFTER UPDATE ON accounts_change
FOR EACH STATEMENT EXECUTE FUNCTION tell_of_accounts();
