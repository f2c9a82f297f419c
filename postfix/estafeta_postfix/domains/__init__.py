"""Sending domains and DNS: what has to be published, what is there, and which domains that verifies.

lookup        questions to DNS, and answers that tell "it is not there" from "nobody knows"
verification  what proves a domain or a key, and what an answer makes of its state
verifier      the worker's thread that asks on a schedule
records       what to publish for a domain
dmarc         DMARC records, found and read
spf           SPF records, read and evaluated
"""
