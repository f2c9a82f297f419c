"""The web service: what recipients reach when they open, click or unsubscribe.

app           the table of paths
clicks        /c/TOKEN: redirect to the link's target
opens         /o/TOKEN.gif: the pixel
unsubscribe   /u/TOKEN: a page, and the one-click POST of RFC 8058
one_click     what a POST must say to unsubscribe
health        /healthz and /metrics
answers       answers and headers that several paths share
service       what the paths work with: links, clock, ids, recorder
recorder      makes an event durable: in the store, or in the spool while there is none
spool         events on the disk of this host, in the order they came
metrics       what is counted
connection    one connection of a client: bounds on what it may send, and how slowly
daemon        the process: socket, signals, reload

Every answer follows from the token alone, so links work while the store is down; what
happened is kept in the spool until the store is back. Nothing here is changed by a GET
but the record that a link was followed or a pixel loaded.
"""
