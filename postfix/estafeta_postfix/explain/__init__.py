"""What would become of a message: every reply and every copy, without sending, counting or storing anything.

asked         who sends what to whom, and from where
arrival       what Postfix makes of the client's lines before the milter sees them
words         replies as the client reads them: Postfix's own, ours, and what a provider adds
unissued      ids that no transmission ever has, for the tokens of copies that never leave
known         the store, for reading only, there or not yet
session       a client's commands in order, and the reply to each
decision      what was decided about a message that may go, and why its copies differ
copies        the copies that would go out, each made when somebody looks at it
changes       a copy's header, field by field, beside what the client sent
links         what the links in a copy lead to
explanation   all of it together
page          the same for a person
document      the same for a program

The decisions are not told again here: `Admission`, `Judge`, `propose` and `finished` are those that the
daemons run. Nothing here prints.
"""
