"""`make bench`: Estafeta beside other programs, in one run, and what of its targets it meets.

__main__    the sections, and what to print
sections/   a file for each comparison
contenders/ a file for each program; `contenders.estafeta` is ours
rounds      cases in turn, round after round, and what they found
report      tables for people, JSON for programs
mail        one round of a mail server
asking      one round of a daemon asked alone
load        the SMTP client, the same for every contender
messages    what is sent
reference   a Postfix of its own, with a listener for each contender
split       another, which splits a message by itself
measure     CPU and memory from /proc

By themselves: `python -m bench.stores` (SQLite and PostgreSQL), `python -m bench.storm` (a storm of bounces).
"""
