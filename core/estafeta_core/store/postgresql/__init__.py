"""The store of several hosts: a PostgreSQL database (`store: postgresql://...`).

connecting      connections: what is asked of the server, deadlines, errors in the store's words
sql             SQL that SQLite understands -> PostgreSQL's
schema          the same for migrations, under an advisory lock
partitions      a table of events for each month, made ahead, and dropped when it is old
asking          a bounded pool of connections that read
transactions    the connection that writes; COPY; what became of a COMMIT that nobody answered
listening       a connection that hears of changed accounts
editing         the connections of an erasure
transfer        the database as a whole, copied or filled
backend         all of it together

Rows are the same as in SQLite, in the same columns: ids and times are bigint, JSON is text. All text is
compared and sorted by code points (COLLATE "C"), as SQLite does. NUL, which PostgreSQL has no place for,
becomes U+FFFD.

Writers of all processes and hosts work side by side. Rows that several may change are changed in the order
of their keys, so they seldom wait in a circle; where they do, the server ends one, which is repeated.
"""
