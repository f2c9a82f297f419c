"""Mail that comes back: whom anybody may write to, and the way to the mail intake's socket.

    b+TOKEN@anything         a return path, at bounce_domain or at a customer's domain whose MX leads to us
    unsubscribe, fbl         at bounce_domain
    postmaster, abuse        at bounce_domain and at this host's own name (RFC 5321 section 4.5.1, RFC 2142)

Every other recipient is refused at RCPT: what is taken is never returned, so nobody gets mail because of a
forged sender. A return path is known by its form, whatever its domain: accounts come and go without Postfix
being told, the intake's way leads to no other host, and the intake looks at the signature.
"""

from estafeta_core import sockets
from estafeta_core.config.schema import Config
from estafeta_postfix.render.service import Service
from estafeta_postfix.render.values import plain

TRANSPORT = "estafeta-lmtp"

RETURN_PATH = r"b\+[a-z2-7]{47}"  # tokens.Signer.sign_address: 29 bytes in base32, in any case
_ROLES = "(unsubscribe|fbl|postmaster|abuse)"


def destination(config: Config) -> str:
    """Return where Postfix hands mail for the intake over: transport and next hop."""
    return f"{TRANSPORT}:unix:{plain('run_dir', sockets.intake(config.run_dir))}"


def known_addresses() -> str:
    """Return the table of recipients at bounce_domain (virtual_mailbox_maps)."""
    return f"regexp:{{{{/^({RETURN_PATH}|{_ROLES})@/ known}}}}"


def restrictions(config: Config) -> dict[str, str]:
    """Return who may be written to at the listener: nobody else, wherever he may be."""
    there = f"check_recipient_access regexp:{{{{/^{RETURN_PATH}@/ FILTER {destination(config)}}}}}"
    permitted = f"check_recipient_access regexp:{{{{/^{RETURN_PATH}@/ OK}}, {{{_people(config)} OK}}}}"
    end = ("permit_auth_destination", permitted, "reject_unauth_destination")
    return {
        "smtpd_relay_restrictions": ", ".join((end[0], there, *end[1:])),
        "smtpd_recipient_restrictions": ", ".join(end),
    }


def aliases(config: Config) -> dict[str, str]:
    """Return what leads mail for people at this host's own name to them at bounce_domain.

    smtpd(8) takes `postmaster` without a domain before it asks any restriction, and completes it.
    """
    domain = plain("bounce_domain", config.bounce_domain)
    return {"virtual_alias_maps": f"regexp:{{{{{_people(config)} $$1@{domain}}}}}"}


def _people(config: Config) -> str:
    host = plain("hostname", config.hostname).replace(".", r"\.")
    return f"/^(postmaster|abuse)@{host}$$/"  # $$: one $, in a parameter


def transport() -> Service:
    """Return the transport that hands mail over."""
    return Service(name=TRANSPORT, command="lmtp", options={"syslog_name": f"postfix/{TRANSPORT}"})
