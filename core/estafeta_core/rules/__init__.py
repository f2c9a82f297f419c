"""Rules: one question per file, each returning a `Refusal` or None, none of them editing anything.

credential_active        the credential is in force, and its subaccount there and active
sending_suspended        it is not suspended by itself, for what came back of its mail
may_send                 the credential has the permission to send
allowed_address          the credential may be used from this client address
tls_required             the credential may be used without TLS
standing                 all of the above: asked at AUTH, and again in sessions that are open
sender_syntax            MAIL FROM is an address, or empty
recipient_syntax         RCPT TO is an address
verified_sender          this identity may send as this address
named_subaccount         which subaccount a message is sent as
ip_pool                  which addresses a message leaves from
return_path_domain       bounces may go to the domain that a message names
skip_suppression_right   this credential may mail suppressed recipients
amp_structure            AMP content stands beside another version of itself
"""
