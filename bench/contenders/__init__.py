"""What Estafeta is compared with, a file for each.

A daemon that Postfix asks (a milter, a policy server, a SASL back end) is a file with a context manager
`running(folder)` that starts it with everything it needs in `folder`, an empty one that the postfix user may
enter, yields it as a `Service`, and stops it. A whole mail server yields a `Contender`. Then it wants a row
in the section that measures it (bench/sections), and its Debian package one in tools/debian-packages.txt.
"""
