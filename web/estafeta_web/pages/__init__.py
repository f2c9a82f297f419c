"""Statistics in the browser: what became of an account's messages, for people.

table         the table of paths
session       the cookie that says who is signed in
gate          lets in who is signed in, and nobody else
sign_in       signing in at /, signing out
forms         what a form of ours has sent, and that it was ours
words         every text, in the language of whoever looks
frame         a page: its template, its headers, its style sheet
shown         numbers and times as people read them
period        which time statistics are of, and how it is divided
chart         what happened in it, as lines and columns
overview      /: the status table and the chart
sends         /sends: what was sent; one send with its recipients
timeline      events in words
messages      /messages/ID: the life of one copy
groups        /groups: contacts by the send that named them
contents      /contents: the HTML that was sent, shown where it can do nothing
search        /search: by address, or by any id
suppressions  /suppressions: whom the account does not mail, and why

A page is made on the server and needs no script, and none would run: `Content-Security-Policy` allows a style
sheet and nothing else. What strangers have written (subjects, addresses, names of browsers, replies of hosts)
is text in it, escaped by the templates. Whatever is looked up is looked up in the account that is signed in,
and the id of another account is answered like one that never was.
"""
