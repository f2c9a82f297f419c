"""Webhooks: events posted to whoever asked for them. What the web service, the worker and the command share.

form        a webhook as SparkPost's API takes and shows it -> the row that is kept
guard       whereto a post may go: schemes, addresses, ports; pure
poster      one POST to a checked address, with a time limit and a bound on the answer
signature   secrets, and the signature of a post (Standard Webhooks, and Emitlo's)
rendering   events -> the body of a batch
replay      events a second time
delivery    a webhook and a batch -> the post, with its credentials
"""
