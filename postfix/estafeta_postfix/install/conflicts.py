"""What stands in the way of an installation, and what should be known before it: each with its remedy.

A hindrance stops `install` before anything is written; a note does not. Nothing here writes anything.
"""

import ipaddress
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from estafeta_core.config.schema import Config
from estafeta_core.rules.ip_pool import FIELD
from estafeta_postfix.install.facts import Facts
from estafeta_postfix.install.wanted import PARAMETERS
from estafeta_postfix.ports import LOOPBACK
from estafeta_postfix.render.copies import REQUEUE
from estafeta_postfix.render.main_cf import READ_AT_ONCE
from estafeta_postfix.render.values import endpoint

OURS = "estafeta-"  # how the names of our services begin

# The first of each series that knows smtpd_forbid_bare_newline = normalize; with an earlier one a client can
# have Postfix find a second message inside the first (CVE-2023-51764, postfix.org/smtp-smuggling.html).
FIRST_SAFE: dict[tuple[int, ...], tuple[int, ...]] = {(3, 7): (3, 7, 10), (3, 8): (3, 8, 5)}
OLDEST = min(FIRST_SAFE.values())
NEEDED = ("cleanup", "pickup", "qmgr", "rewrite", "bounce", "defer")


@dataclass(frozen=True, slots=True)
class Conflict:
    """One finding."""

    code: str  # stable, as those of `estafeta check`
    text: str
    remedy: str
    stops: bool = True

    def __str__(self) -> str:
        return f"{self.text}; {self.remedy}"


def found(config: Config, facts: Facts, held: frozenset[str] = frozenset()) -> list[Conflict]:
    """Return every conflict. `held` are the inet services that are ours already, as master.cf names them."""
    return [
        *standing(config, facts),
        *_services(facts),
        *_endpoints(config, facts, held),
    ]


def standing(config: Config, facts: Facts) -> list[Conflict]:
    """Return those that have nothing to do with whether our services are in master.cf."""
    return [
        *_version(facts),
        *_settings(facts),
        *_protocols(config, facts),
        *_certificate(config, facts),
        *_folders(config, facts),
        *_advice(config, facts),
    ]


def _version(facts: Facts) -> Iterator[Conflict]:
    first = FIRST_SAFE.get(facts.version[:2], OLDEST)
    if facts.version < first:
        yield Conflict(
            "postfix-version",
            f"Postfix {_dotted(facts.version)} lets one message hide a second (CVE-2023-51764)",
            f"install {_dotted(first)} or later",
        )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _settings(facts: Facts) -> Iterator[Conflict]:
    for each in PARAMETERS:
        value = facts.own.get(each.name)
        if value is not None and not each.enough(value):
            yield Conflict(
                "queue-manager",
                f"main.cf has {each.name} = {value} ({each.reason})",
                f"set it to {each.value}, or remove the line",
            )
    limit = facts.values["qmgr_message_recipient_limit"]
    if limit.isdecimal() and int(limit) < READ_AT_ONCE:
        yield Conflict(
            "queue-manager",
            f"main.cf has qmgr_message_recipient_limit = {limit}, fewer than one message may have",
            f"set it to {READ_AT_ONCE} or more, or remove the line",
        )


def _services(facts: Facts) -> Iterator[Conflict]:
    for name in NEEDED:
        if not any(each.name == name for each in facts.services):
            yield Conflict(
                "service-missing", f"master.cf has no service {name}", "take the # away before its line"
            )
    for each in facts.services:
        if each.name.startswith(OURS):
            yield Conflict(
                "service-name",
                f"master.cf has a service {each.name} that is not ours",
                "give it another name",
            )
    pickup = facts.service("pickup") or facts.service("pickup", "fifo")
    chosen = pickup.options.get("cleanup_service_name") if pickup else facts.own.get("cleanup_service_name")
    if chosen:
        yield Conflict(
            "cleanup-service",
            f"master.cf has pickup hand mail to {chosen} and not to cleanup: what `postsuper -r` queues anew"
            f" would leave past {REQUEUE}",
            f"move the options of {chosen} to the service cleanup, and remove the line at pickup",
        )
    if facts.own.get("cleanup_service_name") and not chosen:
        yield Conflict(
            "cleanup-service",
            f"main.cf has cleanup_service_name = {facts.own['cleanup_service_name']}",
            "say it with -o at the services it is meant for",
        )


def _endpoints(config: Config, facts: Facts, held: frozenset[str]) -> Iterator[Conflict]:
    wanted = {f"listeners.{name}": (each.bind, each.port) for name, each in config.listeners.items()}
    for key, (address, port) in wanted.items():
        if port == config.delivery_port and _overlap(address, LOOPBACK):
            yield Conflict(
                "port-taken", f"delivery_port is the port of {key} too", "give one of them another"
            )
    wanted["delivery_port"] = (LOOPBACK, config.delivery_port)
    for key, (address, port) in wanted.items():
        inet = (each.name for each in facts.services if each.kind == "inet")
        other = next((name for name in inet if _meets(name, address, port)), None)
        if other is not None:
            yield Conflict(
                "port-taken",
                f"{key}: master.cf has a service {other} on port {port} already",
                f"remove it from master.cf, or give {key} another port",
            )
        elif endpoint(key, address, port) not in held and (why := _unbindable(address, port)):
            yield Conflict(
                "port-taken", f"{key}: {address} port {port}: {why}", f"free it, or give {key} another"
            )


def _meets(service: str, address: str, port: int) -> bool:
    """Whether an inet service of master.cf listens where we would; a name of a host counts as any address."""
    host, _, text = service.rpartition(":")
    try:
        number = int(text) if text.isdecimal() else socket.getservbyname(text, "tcp")
    except OSError:
        return False
    host = host.strip("[]")
    try:
        return number == port and (not host or _overlap(host, address))
    except ValueError:
        return number == port


def _overlap(one: str, other: str) -> bool:
    first, second = ipaddress.ip_address(one), ipaddress.ip_address(other)
    same = first.version == second.version
    return same and (first == second or first.is_unspecified or second.is_unspecified)


def _unbindable(address: str, port: int) -> str:
    """Return why nobody could listen there; master(8) itself, with SO_REUSEPORT, would not be told."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((address, port))
            probe.listen(1)
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return ""


def _protocols(config: Config, facts: Facts) -> Iterator[Conflict]:
    spoken = facts.values["inet_protocols"]
    if not re.search(r"\b(all|ipv4)\b", spoken):
        yield Conflict(
            "inet-protocols",
            f"main.cf has inet_protocols = {spoken}",
            "add ipv4: copies are handed over on 127.0.0.1",
        )
    six = [name for name, each in config.listeners.items() if ":" in each.bind]
    if six and not re.search(r"\b(all|ipv6)\b", spoken):
        yield Conflict(
            "inet-protocols",
            f"main.cf has inet_protocols = {spoken}, and listeners.{six[0]} has an IPv6 address",
            "add ipv6 there, or take another address for the listener",
        )


def _certificate(config: Config, facts: Facts) -> Iterator[Conflict]:
    encrypted = [name for name, each in config.listeners.items() if each.tls != "none"]
    if not encrypted:
        return
    if facts.service("tlsmgr") is None:
        yield Conflict(
            "service-missing", "master.cf has no service tlsmgr", "take the # away before its line"
        )
    files = certificate_files(facts)
    if not files:
        yield Conflict(
            "certificate-missing",
            f"listeners.{encrypted[0]} uses TLS, and main.cf names no certificate",
            "set smtpd_tls_chain_files to a file with private key and certificate",
        )
    for path in files:
        if not path.is_file():
            yield Conflict(
                "certificate-missing",
                f"main.cf names the certificate {path}, which is not there",
                "mend the path",
            )


def certificate_files(facts: Facts) -> list[Path]:
    """Return the files that main.cf has smtpd take certificates from."""
    names = ("smtpd_tls_chain_files", "smtpd_tls_cert_file", "smtpd_tls_eccert_file")
    words = (word for name in names for word in re.split(r"[,\s]+", facts.values[name]))
    return [Path(word) for word in words if word not in ("", "none")]


def _folders(config: Config, facts: Facts) -> Iterator[Conflict]:
    queue = facts.values["queue_directory"]
    if Path(queue) != config.queue_directory:
        yield Conflict(
            "queue-directory",
            f"Postfix's queue is in {queue}, and queue_directory of estafeta.yaml is another folder",
            f"set queue_directory: {queue}",
            stops=any(each.receipt for each in config.listeners.values()),  # their second listener is there
        )
    log = facts.values["maillog_file"]
    if log and Path(log) != config.maillog:
        yield Conflict(
            "maillog",
            f"Postfix logs to {log}, and maillog of estafeta.yaml is another file",
            f"set maillog: {log}",
        )


def _advice(config: Config, facts: Facts) -> Iterator[Conflict]:
    if facts.values["milter_default_action"] == "accept":
        yield Conflict(
            "milter-default-action",
            "main.cf has milter_default_action = accept: your other mail passes half edited when a milter"
            " of yours fails (our services have tempfail)",
            "set it to tempfail",
            stops=False,
        )
    if facts.values["smtpd_forbid_bare_newline"] == "no" and any(
        each.command == "smtpd" and "smtpd_forbid_bare_newline" not in each.options for each in facts.services
    ):
        yield Conflict(
            "bare-newline",
            "main.cf leaves your own smtpd open to SMTP smuggling (our services are not)",
            "set smtpd_forbid_bare_newline = normalize",
            stops=False,
        )
    if {"0.0.0.0/0", "[::]/0", "::/0"} & set(re.split(r"[,\s]+", facts.values["mynetworks"])):
        yield Conflict(
            "open-mynetworks",
            "main.cf has mynetworks with every address there is: your own smtpd relays for anybody",
            "name the networks that are yours",
            stops=False,
        )
    if config.ip_pools and facts.values["transport_maps"]:
        yield Conflict(
            "pools-past-transport-maps",
            f"mail with a pool ({FIELD}) goes to relayhost, or to the recipient's MX, past transport_maps",
            "nothing to do where that is meant",
            stops=False,
        )
