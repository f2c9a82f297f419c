"""Postfix's log -> delivery, bounce and delay events, each exactly once.

parse      one log line -> what became of one recipient
timestamp  the times of log lines, which may lack year and zone
reason     what the remote server said -> error code, reason, bounce class
records    deliveries and the store -> event rows
reader     a log that is rotated or truncated while it is read
follow     reads, records, remembers how far
"""
