"""The milter daemon: decide, then transform.

message     a message as bytes with a map of its MIME parts
html        HTML edited by offsets
texts       the words that are put into messages, in every language
handlers    one change to a message per file; none of them decides
pipeline    the ordered table of handlers
merge_tags  [Unsubscribe] and [WebVersion]
utf8        texts that have to leave in UTF-8
text_links  links in plain text
admission   who sends, and to whom: what is asked before a message comes
submission  what a submitted message asks for, and whether it may
verdict     the rules about a whole message
senders     who a message says it comes from
added       what Postfix has added to a message
contacts    recipients that are kept, message or not
ledger      what is written down about a message
rejection   what is written down about a message that is refused for good
language    the language of a message, as far as it is said
relayed     a message that comes by way of the receipt proxy
copies      one message for all, or a copy for each
delivery    a queued message becomes its one recipient's copy
edits       the difference between two messages, as milter calls
reply       a refusal, as the wire can carry it
adapter     the one file that knows pymilter
beats       that the processes still work
daemon      processes, signals, reload
"""
