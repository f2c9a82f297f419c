"""What every process counts, in one table: a name, what it means, and every value its label may have.

    metrics.open(run_dir, "policy")                     once, in the process that counts
    metrics.POLICY_QUESTIONS["refused"].add()           wherever it happens
    metrics.AUTH_SECONDS.observe(0.031)

A new metric is a line here and a call where it happens; the web service shows all of them at /metrics, summed
over processes (board.py says how they get there). Labels have a handful of values, none from a client.
`docs/monitoring.md` explains each name, which a test holds it to.
"""

from estafeta_core.board import Board
from estafeta_core.dialects import DIALECTS

BOARD = Board()

# From a look into memory to where the longest of our own time limits lie (`store_timeout`, 20 s).
SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)

AUTH_ATTEMPTS = BOARD.counters(
    "estafeta_auth_attempts",
    "Logins by what was decided; temporary ones are answered 454.",
    "outcome",
    ("accepted", "refused", "temporary"),
)
AUTH_SECONDS = BOARD.histogram(
    "estafeta_auth_seconds", "Time until a login was decided, before a refusal is held back.", SECONDS
)
POLICY_QUESTIONS = BOARD.counters(
    "estafeta_policy_questions",
    "Questions of smtpd at RCPT, and of the milter for lists, by the answer.",
    "outcome",
    ("passed", "refused", "limited", "deferred"),
)
LIMITS_AWAY = BOARD.counters(
    "estafeta_limits_away",
    "Decisions on limits while the place where hosts count them together did not answer.",
    "outcome",
    ("share", "defer"),
)
MESSAGES = BOARD.table(
    "estafeta_milter_messages",
    "Messages at the final dot by the client's dialect and the answer.",
    ("dialect", "outcome"),
    tuple(sorted(DIALECTS)),
    ("accepted", "discarded", "refused", "deferred"),
)
MESSAGE_SECONDS = BOARD.histogram(
    "estafeta_milter_message_seconds", "Time from the final dot to the answer.", SECONDS
)
MESSAGE_BYTES = BOARD.counter(
    "estafeta_milter_body_bytes", "Bytes of the bodies of messages at the final dot."
)
COPIES = BOARD.counters(
    "estafeta_copies", "Copies of messages that differ by recipient.", "outcome", ("made", "deferred")
)
COPY_SECONDS = BOARD.histogram("estafeta_copy_seconds", "Time to make one copy.", SECONDS)
RECEIPTS = BOARD.counter("estafeta_receipts", "Messages that went by the receipt proxy.")
STORE_COMMITS = BOARD.counter("estafeta_store_commits", "Transactions written to the store.", by_role=True)
STORE_ROWS = BOARD.counter(
    "estafeta_store_rows", "Rows in them, and questions that take rows away.", by_role=True
)
STORE_FAILURES = BOARD.counter(
    "estafeta_store_failures", "Transactions that could not be written.", by_role=True
)
STORE_SECONDS = BOARD.histogram(
    "estafeta_store_commit_seconds",
    "Time of a transaction, the wait for other processes included.",
    SECONDS,
    by_role=True,
)
STORE_WAITING = BOARD.gauge(
    "estafeta_store_waiting", "Submissions that wait for the store just now.", by_role=True
)
CHECKPOINTS = BOARD.counter("estafeta_store_checkpoints", "Times the worker moved the WAL into the store.")
WAL_BYTES = BOARD.gauge("estafeta_store_wal_bytes", "Size of the WAL when the worker last looked.")
LOG_LINES = BOARD.counter("estafeta_log_lines", "Lines of Postfix's log read.")
LOG_EVENTS = BOARD.counters(
    "estafeta_log_events", "Events found in it.", "type", ("delivery", "bounce", "delay")
)
LOG_BEHIND = BOARD.gauge(
    "estafeta_log_behind_seconds", "Age of the line read last while more of the log waits; else 0."
)
ON_DUTY = BOARD.gauge(
    "estafeta_worker_on_duty", "1 while this host's worker does what one host does at a time, else 0."
)
DNS_VERIFIED = BOARD.gauge(
    "estafeta_dns_verified", "Domains and DKIM keys with `verified: dns` whose record has been seen."
)
DNS_UNVERIFIED = BOARD.gauge("estafeta_dns_unverified", "Those whose record is not, or no longer, there.")
FORGOTTEN = BOARD.counters(
    "estafeta_retention_batches",
    "Batches of at most 500 rows that were taken away because their time was over.",
    "what",
    (
        "batches",
        "contents",
        "files",
        "requeued",
        "events",
        "messages",
        "transmissions",
        "contacts",
        "group_contacts",
        "groups",
        "suppressions",
    ),
)

open = BOARD.open  # noqa: A001 - read as metrics.open
