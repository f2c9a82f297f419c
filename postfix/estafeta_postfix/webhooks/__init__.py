"""Events leave for their webhooks: a thread of the worker with a loop of its own.

sender      the thread: which webhooks there are, and a postman for each
postman     one webhook: what waits for it -> batches, posts, and what became of them
backoff     how long to wait after a failure

What is posted, whereto and how stands in `estafeta_core.webhooks`. The outbox is filled by the store itself,
in the transaction of each event (migration 0004), so nothing here has to notice an event. A batch is made,
and takes its events out of the outbox, in one transaction; what became of a post is durable before the next
one. A worker killed in between posts that batch again, under the same id.
"""
