-- What the pages for people ask: which language a message is in, and everything sent to one address.

-- ISO 639-1; '' where the message does not say.
ALTER TABLE transmissions ADD COLUMN language TEXT NOT NULL DEFAULT '';

-- An index ends with the primary key of its row, so this one is in the order of message ids.
CREATE INDEX messages_recipient ON messages (rcpt_to);
