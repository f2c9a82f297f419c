"""`estafeta check`: whether this set-up is as it has to be, and what is to be done where it is not.

finding        what a check has found: how bad, what, why, and what to do
setup          what all checks look at, each part read once, when it is first asked for
table          the checks, in the order in which they are told
run            the checks run, each within its own time, none hiding another

A check is one question in one file, `look(setup)`, which yields findings and changes nothing. What is asked
elsewhere too is asked of the same function there: `install` and `config` hold those rules.
"""
