"""The store of one host: a SQLite file that several processes share.

database        connections: their settings, and whether the file is still the one they opened
migrate         numbered migrations, in one transaction each
asking          a pool of connections that read
transactions    the connection that writes, and checkpoints

WAL mode, `synchronous=FULL`, no mmap. One process, the worker, checkpoints, under the lock that writers take:
SQLite 3.7.0 to 3.51.2 can corrupt a WAL that two connections reset at the same time
(sqlite.org/wal.html#walresetbug).
"""
