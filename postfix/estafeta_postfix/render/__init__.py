"""What Postfix is told: main.cf and master.cf as text, from the configuration.

values      which text may stand in a Postfix file
service     one line of master.cf with its `-o` overrides
tables      files that the listeners' services look things up in
listener    an entry of `listeners:` as an smtpd service
receipt     the listener behind the receipt proxy
copies      a message whose copies differ, split by Postfix itself
outbound    the ways out: Postfix's own, and one for each pool of addresses
intake      mail that comes back, to the mail intake
notices     what Postfix itself writes, with nothing of ours in it
place       where a private instance lives and what surrounds it
shared      our services on an instance that serves other mail too
shield      what keeps the rest of such an instance's main.cf away from them
main_cf     what holds for the whole instance
master_cf   every service of the instance

Whatever belongs to a listener is said with `-o` at its service and nowhere else, so that a
listener behaves alike whatever main.cf of its instance says.
"""
