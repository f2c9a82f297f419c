"""The provider's receipt as the answer to the final dot: a proxy before Postfix's queue (SMTPD_PROXY_README).

    client -> smtpd, listener with `receipt: true`: login, limits, every refusal at MAIL and RCPT
           -> proxy (this package): hands everything on, and words the last answer
           -> smtpd, listener `estafeta-receipt`: the milter, everything about the message
           -> queue

Postfix's own answer to a final dot is fixed, and a milter may change none that accepts; what a proxy before
the queue answers is passed on as it is.

upstream   the listener behind the proxy, as its client: one connection a message
relay      what the public smtpd says, handed on (aiosmtpd's SMTP server)
wording    Postfix's 250 -> the receipt of the transmission that the store has under its queue id
daemon     the socket, signals: how it runs

The proxy holds nothing and decides nothing. It answers 250 when Postfix has queued the message, in Postfix's
words where anything of its own fails after that. Who sends a message it does not know and could not say:
that is in the ticket (`estafeta_core.tickets`), which it hands on like all else.
"""
