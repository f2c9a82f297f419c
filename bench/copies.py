"""`python -m bench --copies`: one message to a thousand, beside Postfix alone splitting the same one.

Estafeta gets one RCPT TO and the others in X-MSYS-API, in cc or bcc; it adds them, makes every copy with
links, pixels, fields and DKIM signature of its own, and records each. Postfix alone gets all of them by RCPT
TO and the message as a recipient of Estafeta's gets it, its Cc included, and splits it through the same
services. The clock of the copies runs from the answer to the final dot to the last delivery.
"""

import base64
import json
import re
import smtplib
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import click

from bench import measure, messages, split, subject
from bench.measure import Contender

TARGET = 0.60
PATIENCE = 120.0  # seconds for all deliveries of a message
_DELIVERED = re.compile(rb" to=<([^>]*)>, relay=none, .* status=sent ")
_SENDER = "bench@acme.example"


@dataclass(frozen=True, slots=True)
class Shape:
    """How the recipients are told."""

    name: str
    field: str  # of X-MSYS-API
    size: int
    links: int


SHAPES = (
    Shape("4 KB, 5 links, cc", "cc", 4096, 5),
    Shape("4 KB, 5 links, bcc", "bcc", 4096, 5),
    Shape("20 KB, 20 links, bcc", "bcc", 20480, 20),
)


@dataclass(frozen=True, slots=True)
class Once:
    """One message, with all its copies."""

    accepted: float  # seconds from the final dot to the 250
    delivered: float  # and from there to the last delivery
    cpu_ms: float  # a copy, of all processes


def compare(rounds: int, count: int) -> None:
    """Send each shape through both, round after round, and print what came of it."""
    with split.running() as alone, subject.running() as ours:
        results: dict[tuple[str, str], list[Once]] = {}
        for turn in range(rounds + 1):
            for shape in SHAPES:
                for contender in (alone, ours.contender):
                    once = _once(contender, shape, count, turn)
                    if turn:  # the first turn warms up
                        results.setdefault((shape.name, contender.name), []).append(once)
        _table(results, count)
        measure.print_memory(ours.processes)


def _once(contender: Contender, shape: Shape, count: int, turn: int) -> Once:
    addresses = [f"r{number}.{turn}@dest.example" for number in range(count + 1)]
    listed = bool(contender.server.username)
    data = _message(shape, addresses, listed=listed)
    before = measure.cpu_seconds(contender.roots)
    log = contender.maillog.stat().st_size
    began, accepted = _send(contender, addresses[:1] if listed else addresses, data)
    _await(contender.maillog, log, set(addresses), began)
    delivered = time.perf_counter() - began - accepted
    time.sleep(1)  # the log follower reads what the last deliveries wrote
    return Once(accepted, delivered, (measure.cpu_seconds(contender.roots) - before) * 1000 / len(addresses))


def _send(contender: Contender, recipients: list[str], data: bytes) -> tuple[float, float]:
    """Send one message; return when its final dot went, and the seconds from there to the answer."""
    server = contender.server
    with smtplib.SMTP("127.0.0.1", server.port, local_hostname="bench.example") as client:
        commands = ["EHLO bench.example"]
        if server.username:
            plain = base64.b64encode(f"\0{server.username}\0{server.password}".encode())
            commands.append(f"AUTH PLAIN {plain.decode()}")
        commands.append(f"MAIL FROM:<{_SENDER}>")
        commands += [f"RCPT TO:<{address}>" for address in recipients]
        for command in (*commands, "DATA"):
            _expect(contender, client.docmd(command), {235, 250, 354})
        began = time.perf_counter()
        client.send(data + b".\r\n")
        _expect(contender, client.getreply(), {250})
        return began, time.perf_counter() - began


def _expect(contender: Contender, reply: tuple[int, bytes], codes: set[int]) -> None:
    if reply[0] not in codes:
        raise click.ClickException(f"{contender.name}: {reply[0]} {reply[1].decode()}")


def _message(shape: Shape, addresses: list[str], *, listed: bool) -> bytes:
    """Return the message of a client of ours, or what one recipient gets of it, but for what we put in."""
    template = messages.newsletter(shape.size, shape.links) % 1
    if not listed:
        folded = b"Cc: " + b",\r\n ".join(address.encode() for address in addresses[1:]) + b"\r\n"
        field = folded if shape.field == "cc" else b""
        return template.replace(messages.TRACKED, field)
    asked = json.loads(messages.TRACKED.partition(b":")[2])
    text = json.dumps({**asked, shape.field: addresses[1:]})
    # No line may be longer than 998 bytes (RFC 5322 section 2.1.1).
    return template.replace(messages.TRACKED, b"X-MSYS-API: " + text.replace(" ", "\r\n ").encode() + b"\r\n")


def _await(maillog: Path, start: int, wanted: set[str], began: float) -> None:
    """Return when everybody has got his copy; a second one for somebody ends the run."""
    with maillog.open("rb") as log:
        log.seek(start)
        rest = b""
        while wanted:
            rest += log.read()
            *lines, rest = rest.split(b"\n")
            for line in lines:
                if found := _DELIVERED.search(line):
                    address = found[1].decode()
                    if address not in wanted:
                        raise click.ClickException(f"{address} got two copies")
                    wanted.remove(address)
            if time.perf_counter() - began > PATIENCE:
                raise click.ClickException(f"{len(wanted)} copies are still missing")
            time.sleep(0.02)


def _table(results: dict[tuple[str, str], list[Once]], count: int) -> None:
    for shape in SHAPES:
        alone = results[shape.name, "Postfix alone"]
        click.echo(f"\n{count + 1} recipients, {shape.name}, tracked and signed")
        click.echo(_line("", "to the 250, s", "copies/s", "CPU ms a copy", "ratio of time", "ratio of CPU"))
        for name in ("Postfix alone", "Estafeta"):
            rounds = results[shape.name, name]
            rates = [(count + 1) / one.delivered for one in rounds]
            pairs = list(zip(rounds, alone, strict=True))
            line = _line(
                name,
                measure.spread([one.accepted for one in rounds]),
                f"{statistics.median(rates):.0f} ({min(rates):.0f} to {max(rates):.0f})",
                measure.spread([one.cpu_ms for one in rounds]),
                measure.spread([base.delivered / one.delivered for one, base in pairs]),
                measure.spread([base.cpu_ms / one.cpu_ms for one, base in pairs]),
            )
            click.echo(line + (f", target {TARGET:.2f}" if name == "Estafeta" else ""))


def _line(name: str, *cells: str) -> str:
    return f"  {name:16}" + "".join(f"{cell:>24}" for cell in cells)
