"""Whether the certificate of each listener is one that clients take: its name, its time, its chain, its key.

Seen as a client sees it, in a TLS handshake. Whether the name fits is OpenSSL's own decision: the
certificate is trusted for the moment of asking, so nothing else can be what it complains of.
"""

import contextlib
import ssl
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from estafeta_core.config.schema import Config, Listener
from estafeta_postfix import proxy_protocol
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.install import probes
from estafeta_postfix.install.conflicts import certificate_files
from estafeta_postfix.install.probes import REPLY

SOON = timedelta(days=21)  # authorities that renew by themselves do it at 30; a person needs some days
_KEY = b"PRIVATE KEY-----"

# What OpenSSL says of a certificate that it trusts itself (x509_vfy.h).
_HOSTNAME_MISMATCH = 62
# and of a chain that it cannot follow to an authority of this host.
_UNKNOWN = {18: "it signed itself", 19: "its authority is none that this host trusts"}


@dataclass(frozen=True, slots=True)
class Seen:
    """What one listener shows to clients that ask for one name."""

    name: str
    certificate: bytes  # DER


def look(setup: Setup) -> Iterator[Finding]:
    """Yield what clients would refuse, now or within 21 days, and keys that everybody can read."""
    if setup.installed:
        for path in certificate_files(setup.served.there):
            yield from _key_file(path)
    shown: dict[Seen, list[str]] = {}
    for listener, each in setup.answering.items():
        if each.tls != "none":
            name = _name(setup.config, each)
            shown.setdefault(Seen(name, _certificate(each, name)), []).append(listener)
    for seen, listeners in shown.items():
        subject = f"certificate of listeners {', '.join(listeners)}"
        yield from _about(seen, setup.config.listeners[listeners[0]], subject)


def _name(config: Config, listener: Listener) -> str:
    return listener.hostname or config.hostname


def _key_file(path: Path) -> Iterator[Finding]:
    if path.is_file() and path.stat().st_mode & stat.S_IROTH and _KEY in path.read_bytes():
        yield Finding(
            "error",
            "certificate-key-readable",
            str(path),
            "everybody on this host can read the private key of the listeners",
            f"chmod o-rwx {path}; Postfix reads it as root",
        )


def _certificate(listener: Listener, name: str) -> bytes:
    with _handshake(listener, name, probes.unverified()) as channel:
        return channel.getpeercert(binary_form=True) or b""


def _about(seen: Seen, listener: Listener, subject: str) -> Iterator[Finding]:
    certificate = x509.load_der_x509_certificate(seen.certificate)
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    renew = "renew it, and reload Postfix"
    if left < timedelta(0):
        said = f"it expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
        yield Finding("error", "certificate-expired", subject, said, renew)
    elif certificate.not_valid_before_utc > datetime.now(UTC):
        said = f"it is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        yield Finding("error", "certificate-early", subject, said, "look at this host's clock, or wait")
    elif left < SOON:
        yield Finding("warning", "certificate-expires", subject, f"it expires in {left.days} days", renew)
    if _complaint(listener, seen.name, _trusting(seen.certificate)) == _HOSTNAME_MISMATCH:
        yield Finding(
            "error",
            "certificate-name",
            subject,
            f"it is not for {seen.name}, which clients connect to: {_names(certificate)}",
            f"get one for {seen.name}, or set hostname to a name that it has",
        )
    else:
        yield from _chain(seen, listener, subject)


def _chain(seen: Seen, listener: Listener, subject: str) -> Iterator[Finding]:
    context = ssl.create_default_context()
    context.check_hostname = False
    code = _complaint(listener, seen.name, context)
    if code in _UNKNOWN:
        yield Finding(
            "note",
            "certificate-authority",
            subject,
            f"{_UNKNOWN[code]}, so clients have to be given it",
            "give clients the authority's certificate, or get one of a public authority",
        )
    elif code in (20, 21):  # the issuer is nowhere
        yield Finding(
            "warning",
            "certificate-chain",
            subject,
            "the certificate of its issuer does not come with it, so many clients cannot verify it",
            "put the intermediate certificates behind it in smtpd_tls_chain_files",
        )


def _names(certificate: x509.Certificate) -> str:
    with contextlib.suppress(x509.ExtensionNotFound):
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return ", ".join(str(each.value) for each in names) or "it has no name"
    return "it has no alternative name"


def _trusting(certificate: bytes) -> ssl.SSLContext:
    """Return a context for which this certificate is enough, whoever signed it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=certificate)
    return context


def _complaint(listener: Listener, name: str, context: ssl.SSLContext) -> int:
    """Return what OpenSSL has against the certificate; 0: nothing."""
    try:
        with _handshake(listener, name, context):
            return 0
    except ssl.SSLCertVerificationError as error:
        return error.verify_code


@contextlib.contextmanager
def _handshake(listener: Listener, name: str, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    """Yield a TLS channel to a listener that was asked for `name`. OSError."""
    with proxy_protocol.connect(listener, probes.address(listener), REPLY) as plain:
        if listener.tls != "implicit":
            with plain.makefile("rwb", buffering=0) as stream:
                for command in (b"", b"EHLO localhost\r\n", b"STARTTLS\r\n"):
                    stream.write(command)
                    while stream.readline()[3:4] == b"-":
                        continue
        with context.wrap_socket(plain, server_hostname=name) as channel:
            yield channel
