-- A suppression that is written again keeps the time of its first writing and gets the time of this one.

ALTER TABLE suppressions ADD COLUMN updated INTEGER NOT NULL DEFAULT 0;

UPDATE suppressions SET updated = created;

-- Lists go by the time of the last writing: what is renewed meanwhile moves ahead of the reader and is not missed.
CREATE INDEX suppressions_updated ON suppressions (account, updated, subaccount, recipient, type);
