-- What is taken away from the oldest on is found by its age.

CREATE INDEX contacts_age ON contacts (created);
CREATE INDEX suppressions_age ON suppressions (created);
