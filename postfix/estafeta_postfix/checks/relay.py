"""Whether a listener takes mail from somebody who has not logged in.

MAIL and RCPT are said and nothing more, so nothing is ever queued. Asked from this host: what a network
beyond it may do is not seen, but no listener of ours lets any network in.
"""

import contextlib
import smtplib
from collections.abc import Iterator

from estafeta_core.config.schema import Listener
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.install import probes

STRANGER = "check@estafeta.invalid"  # a name that nobody has (RFC 2606)


def look(setup: Setup) -> Iterator[Finding]:
    """Yield each listener that lets a stranger's recipient pass."""
    for name, each in setup.answering.items():
        if _lets_in(each):
            yield Finding(
                "error",
                "open-relay",
                f"listeners.{name} ({each.bind} port {each.port})",
                "it takes a recipient from somebody who has not logged in: anybody can send by it",
                "smtpd_recipient_restrictions of its service has to end in permit_sasl_authenticated, reject,"
                " and smtpd_milters has to name ours: estafeta postfix install puts both right",
            )


def _lets_in(listener: Listener) -> bool:
    """Ask in clear where that is allowed."""
    tls = listener.tls != "starttls"
    with contextlib.suppress(smtplib.SMTPServerDisconnected), probes.session(listener, tls=tls) as client:
        return client.mail(STRANGER)[0] < 400 and client.rcpt(STRANGER)[0] < 400
    return False
