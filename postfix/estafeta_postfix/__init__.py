"""The top floor: Postfix itself, told what to do, started, watched; and the `estafeta` command.

render        configuration -> main.cf and master.cf
install       our services in a Postfix that serves other mail too
instance      a private Postfix: made, checked, started, stopped
ports         loopback ports that nobody else is given
certificate   a certificate authority and a server certificate for trying things out
capture       an SMTP server that plays every remote mail host and keeps what it gets
supervisor    child processes that are started again when they die and die with their parent
demo_accounts the accounts a sandbox begins with
dkim_keys     DKIM keys made, and their records for DNS
sandbox       all of it together on loopback, in one folder
demo          one real message for each dialect through a sandbox, each step checked
receipt       the provider's receipt as the answer to a final dot
log_follower  Postfix's log -> delivery, bounce and delay events
journal_follower  the web service's journal -> opens, clicks and the like
mail_intake   bounces, complaints and unsubscribes that come by mail -> events and suppressions
retention     hosted files go when their time is over
suspender     credentials that are suspended by themselves when too much of their mail comes back
explain       what would become of a message, without sending it
webhooks      events posted to whoever asked for them
worker        the background process: follows log and journal, posts events, suspends, clears up, checkpoints
checks        whether a set-up is as it has to be, one question a file
cli           the `estafeta` command, one file per subcommand
"""
