"""Who may log in, and who may send now: the two daemons that Postfix's smtpd asks.

wire/dovecot_auth   AUTH, in the Dovecot auth protocol: bytes in, login attempts out
wire/sasl           what PLAIN and LOGIN say inside it
wire/delegation     MAIL and RCPT, in the policy delegation protocol: bytes in, requests out
authenticate        an attempt and a directory -> who it is, or why not
held                answers held for a second
judge               a request and a directory -> go ahead, or the refusal
limits              recipients counted per minute, hour and day
shared_limits       the same by a Redis that hosts share
journal             one log line a decision, written in batches
serving             how a daemon on a unix socket runs: signals, systemd, the end
listening           the listening socket: inherited from systemd or bound
connection          what a connection from smtpd is to both daemons
sasl_daemon         the SASL back end       } asyncio stands in these
policy_daemon       the delegation server   } and in nothing above
daemon              sockets, signals, reload: how the two run

The daemons know core and nothing of each other. `run_sasl` and `run_policy` are separate
processes because smtpd needs the first to print its banner: it must always answer.
"""
