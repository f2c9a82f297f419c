"""Mail that comes back: bounces, complaints and unsubscribes become events and suppressions.

    anybody ──> smtpd, `estafeta-intake` ──> queue ──> lmtp(8) ──> this daemon ──> store

mail             bytes -> header fields and parts, within bounds
clean            what a stranger wrote, as text that may stand in an event or a log
delivery_status  delivery status notifications (RFC 3464): who has failed, and why
automatic        vacation notes and receipts, which say nothing about an address (RFC 3834)
odd              bounces that are no such notification, by flufl.bounce
complaint        abuse reports (RFC 5965)
attribution      signed token -> the messages that a report speaks of
records          what is written down of a bounce, a complaint, an unsubscribe
intake           decides: one message and one recipient in, an `Outcome` out
kept             a bounded Maildir for postmaster, abuse, and what the daemon could not read
lmtp             the protocol (aiosmtpd)
daemon           the socket, signals: how it runs

A token that this installation has signed, in the recipient's address, in an X-MSFBL or in a subject, is the
only thing that changes anything. No mail is ever generated in answer, and no content is ever refused or
deferred: a refusal would make Postfix write to whoever is said to have sent it.
"""
