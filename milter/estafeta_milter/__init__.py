"""The milter daemon: decide, then transform.

message     a message as bytes with a map of its MIME parts
html        HTML edited by offsets
handlers    one change to a message per file; none of them decides
pipeline    the ordered table of handlers
submission  what a submitted message asks for, and whether it may
edits       the difference between two messages, as milter calls
reply       a refusal, as the wire can carry it
adapter     the one file that knows pymilter
daemon      processes, signals, reload
"""
