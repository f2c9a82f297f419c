"""A mail server that plays every remote host: it takes what Postfix delivers and keeps it as it came.

session    SMTP from the server's side: bytes in, replies and messages out, no I/O
outbox     a Maildir with one file per recipient
reports    reports as other hosts write them
answering  who gets a report, and when
server     asyncio: the socket
page       the outbox in a browser
"""
