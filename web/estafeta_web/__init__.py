"""The web service: what recipients reach when they open, click, unsubscribe or look at what is kept for them.

app           the table of paths
clicks        /c/TOKEN: redirect to the link's target
opens         /o/TOKEN.gif: the pixel
icons         /icons/NETWORK.png: the tiles of social networks
unsubscribe   /u/TOKEN: a page, and the one-click POST of RFC 8058
languages     which language to speak
one_click     what a POST must say to unsubscribe
web_version   /w/TOKEN: a message as its recipient got it
files         /f/TOKEN/NAME: an attachment
images        /i/TOKEN: an image that a message shows
disposition   how a file is offered for saving under its name
api           /api/v1: events, suppression lists, transmissions, metrics, for programs
api           /api/v1/...: what an account's programs ask
access        who asks for an account's own things, and whether he may
pages         /, /sends and so on: statistics in the browser
client        where a request comes from
health        /healthz and /metrics
answers       answers and headers that several paths share
body          the body of a request, bounded
service       what the paths work with: links, clock, ids, recorder
service       what the paths work with: links, recorder, store, threads that wait
tracking      how a request becomes an event
short_way     what answers a plain request for a pixel or a redirect, before any path is looked up
automated     who loads a pixel or follows a link without being a person
recorder      makes an event durable: in the journal, or for an unsubscribe in the store
journal       lines on the disk of this host, which the worker brings into the store
metrics       what is counted
connection    one connection of a client: bounds on what it may send, and how slowly; the short way
daemon        the process: socket, signals, reload

A redirect, a pixel, an unsubscribe, a file and an image follow from the token alone, so they
work while the store is down; what happened is in the journal until the store is back. Only
a web version asks the store whose it is. Nothing here is changed by a GET but the record that
a link was followed or a pixel loaded.

What strangers sent and we show (web versions, files, images) can do nothing: no script runs
and no form is sent, because each such answer puts itself into a sandbox of its own origin.
"""
