"""The release tier of the reliability bar, a row a module.

    step        a row's settings, what was found in it, its verdict
    table       every row by name, and what runs it
    report      what was found, as Markdown and JSON

    mail        newsletters at a rate, each reply with its time
    readers     who takes what is delivered, and follows its links at a rate
    hooks       a receiver of webhooks that counts
    watch       memory, descriptors, threads of every daemon over time

Rows that kill and look at every message are runs of `estafeta_chaos`.
"""
