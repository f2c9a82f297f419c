"""The HTTP API for an account's own programs: SparkPost's paths, names, shapes and status codes.

places         the table of paths
events         /api/v1/events/message
suppressions   /api/v1/suppression-list
transmissions  /api/v1/transmissions/ID
webhooks       /api/v1/webhooks: whereto events are posted
webhook_views  webhooks and batches as answers show them
metrics        /api/v1/metrics/deliverability
asking         who asks, and the answer to everything that goes wrong
problems       errors as SparkPost words them
parameters     what stands behind the `?`, read strictly
body           JSON that a client sends, bounded before it is read
paging         cursors and the links to the next page
rendering      JSON as it leaves

Every path asks for a key first, and the account of that key is part of every question to the store: there
is no question whose answer could hold another account's things. What is another account's is answered with
the same bytes as what does not exist.

Whatever may be much is asked in a thread, so many questions at a time (`Service.asking`), each bounded in
time, and in pieces, so that pixels and clicks, which share this process, are answered in between.
"""
