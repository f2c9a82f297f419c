"""Estafeta's ground floor: what every daemon knows. It serves no socket and runs no loop.

config        the YAML files, checked and reloaded
directory     accounts and credentials, found by key or by user name
identity      who is sending: account/credential[/subaccount]
secrets       keys and passwords: made, hashed, checked
throttle      how guessing passwords is slowed down
dialects      one file per provider: user names, control headers, reply texts, limits
options       what a message asks for, in one vocabulary for every dialect
rules         one question per file, each returning a `Refusal` or nothing
refusal       a negative answer, as SMTP says it
headers       header fields as the milter receives them
addresses     the one address a From shows, and what may stand in an envelope
rfc2047       encoded words, read
json_header   JSON in a header field
steering      control headers, and what is to be said about them
framework_headers  tags and metadata as mail frameworks write them
json_strict   JSON as every reader agrees on it
tokens        signed tokens
tickets       who sends a message that comes by way of the receipt proxy
links         the URLs and addresses that carry them
ids           63-bit, time-ordered numbers
events        what happened, under SparkPost's field names
journal       opens, clicks and the like on their way from the web service to the worker
bounce_class  SparkPost's bounce classes, by enhanced status code and by what was said
bounce_evidence  what a host says of a failure, in words that are known
bounce_names  the same in words
claims        domains and keys that DNS verifies
standings     who is suspended and what DNS has verified, known to every daemon within a second
suppression   what may stand in a suppression list
webhooks      events posted to whoever asked for them
statistics    what became of messages, counted as providers' pages show it
store         where transmissions, recipients, events and suppressions are durable
sockets       where the daemons' sockets lie, and who may open them
logs          one record a line, safe to grep
memory        how the C library keeps what daemons have freed
notify        what a service tells systemd about itself
"""
