"""Estafeta's ground floor: what every daemon knows, and no sockets.

config      the YAML files, checked and reloaded
directory   accounts and credentials, found by key or by user name
dialects    one file per provider: user names, control headers, reply texts, limits
rules       one question per file, each returning a `Refusal` or nothing
secrets     keys and passwords: made, hashed, checked
links       signed tokens and the URLs and addresses that carry them
ids         63-bit, time-ordered numbers
events      what happened, under SparkPost's field names
store       where transmissions, recipients, events and suppressions are durable
"""
