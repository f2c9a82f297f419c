-- A report that comes twice tells of one bounce or one complaint.

CREATE UNIQUE INDEX events_reported ON events (message_id, type)
    WHERE type IN ('out_of_band', 'spam_complaint');
