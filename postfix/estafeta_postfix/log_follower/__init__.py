"""Postfix's log -> delivery, bounce and delay events, each exactly once.

parse        one log line -> what became of one recipient, or which queue file is a copy of which
timestamp    the times of log lines, which may lack year and zone
reason       what the remote server said -> error code, reason, bounce class
connections  which deliveries went over TLS
records      what was told, and the store -> rows
reader       a log that is rotated or truncated while it is read
maillog      all of these together: what a batch of lines means
follow       reads, records, remembers how far; also the journal of the web service (`journal_follower`)
"""
