"""Where transmissions, recipients, events and suppressions are durable.

rows, outgoing_rows  what is kept; of webhooks
statements      rows -> the values of what is written, and back
writes          everything that is written, in SQL
queries         every question, in SQL; event_filter, event_queries, metric_queries the same for some
store           `open_store`, `Store`
backend         what a store is to those above; sqlite and postgresql are the two there are
scripts         migrations, as files
writer          group commit: many callers, one transaction
reader          look-ups by key or index, from any thread
lists           what an account has: sends and their fates, groups, contents, files
activity        events that a filter chooses, a transmission of one's own
suppressions    suppression lists
deliverability  SparkPost's metrics
reputation      what came back of a credential's mail, and who is suspended for it
accounts        accounts that the store keeps; account_rows is how they are written
lease           what one node has at a time
outgoing        webhooks, what waits for them, and their batches
browsing        what a person looks through, page by page
filelock        one writing transaction at a time, among processes
transfer        a whole store into an empty one
erasure         a person's address taken out of everything, and out of the file
errors          StoreUnavailable and its kin

Each process that writes has one writer thread, started by the first rows and again after a fork. The schema
grows by numbered migrations (`migrations/NNNN_*.sql`).
"""

from estafeta_core.store.activity import Search
from estafeta_core.store.browsing import Mailing, Pulse, Received
from estafeta_core.store.errors import (
    AnswerTooLong,
    LeaseLost,
    RowsRefused,
    SchemaTooNew,
    StoreUnavailable,
    StoreUnfit,
)
from estafeta_core.store.lease import Lease
from estafeta_core.store.lists import ContactGroup, Fate, Send
from estafeta_core.store.outgoing import Backlog
from estafeta_core.store.reader import Copy, Found, Occurrence
from estafeta_core.store.store import Store, open_store

__all__ = [
    "AnswerTooLong",
    "Backlog",
    "ContactGroup",
    "Copy",
    "Fate",
    "Found",
    "Lease",
    "LeaseLost",
    "Mailing",
    "Occurrence",
    "Pulse",
    "Received",
    "RowsRefused",
    "SchemaTooNew",
    "Search",
    "Send",
    "Store",
    "StoreUnavailable",
    "StoreUnfit",
    "open_store",
]
