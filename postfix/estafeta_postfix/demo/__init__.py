"""The demonstration: one real message for each dialect, and what happens after, each step checked.

report      what was expected and whether it was so
scenario    what one client does, and how to look at what comes out
client      an ordinary SMTP client: TLS where the provider has it, login, one message
delivered   what lies in the outbox
browser     what a recipient does: open, follow, fetch
recorded    what `estafeta show` tells afterwards
run         one scenario after the other
receiver    an application's receiver of webhooks
afterwards  mail that bounces or is called spam, told everywhere, and the next message to the same people

sparkpost, perfit, teenvio, devino and emitlo are the scenarios, each with a message as the provider's own
documents show it.
"""
