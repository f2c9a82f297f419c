"""Whether an application could log in at each listener, and nobody else listens there."""

from collections.abc import Iterator

from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.install import probes
from estafeta_postfix.ports import LOOPBACK

_REMEDIES = {
    "port-shared": "stop the other program, or give the listener another port",
    "listener": "read what Postfix logs when a client connects; `estafeta postfix status` tries it again",
}


def look(setup: Setup) -> Iterator[Finding]:
    """Yield the listeners where a login cannot be tried, and those that show AUTH too early."""
    for name, (code, reason) in setup.silent.items():
        each = setup.listeners[name]
        yield Finding(
            "error", code, f"listeners.{name} ({each.bind} port {each.port})", reason, _REMEDIES[code]
        )
    for name, each in setup.answering.items():
        if each.tls == "required":
            with probes.session(each, tls=False) as client:
                if client.has_extn("auth"):
                    yield Finding(
                        "error",
                        "auth-in-clear",
                        f"listeners.{name} ({each.bind} port {each.port})",
                        "AUTH is offered before STARTTLS, though tls is required",
                        "set smtpd_tls_auth_only = yes at its service: `estafeta postfix install`",
                    )
    if setup.splits and (why := probes.delivery(setup.config.delivery_port)):
        yield Finding(
            "error",
            "listener",
            f"delivery_port ({LOOPBACK} port {setup.config.delivery_port})",
            why,
            _REMEDIES["listener"],
        )
