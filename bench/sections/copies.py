"""One message to a thousand, beside Postfix alone splitting the same one.

Estafeta gets one RCPT TO and the others in X-MSYS-API, in cc or bcc; it adds them, makes every copy with
links, pixels, fields and DKIM signature of its own, and records each. Postfix alone gets all of them by RCPT
TO and the message as a recipient of Estafeta's gets it, its Cc included, and splits it through the same
services. The clock of the copies runs from the answer to the final dot to the last delivery.
"""

import base64
import itertools
import json
import re
import smtplib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from bench import measure, messages, split
from bench.contenders import estafeta
from bench.measure import Contender
from bench.rounds import Case, Report, Settings, Target, interleave
from bench.sections import memory

TITLE = "One message to a thousand, beside Postfix alone splitting it"
COUNT = 1000  # recipients
RATE, CPU = "copies/s", "CPU ms a copy"
TARGET = 0.60
PATIENCE = 120.0  # seconds for all deliveries of a message
_DELIVERED = re.compile(rb" to=<([^>]*)>, relay=none, .* status=sent ")


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


def run(settings: Settings) -> Report:
    """Send each shape through both."""
    with split.running() as alone, estafeta.running() as ours:
        turns = itertools.count()  # so that no address comes twice
        cases = [
            Case(shape.name, each.name, partial(_round, each, shape, turns))
            for shape in SHAPES
            for each in (alone, ours.contender("signed", estafeta.SIGNED))
        ]
        results = interleave(cases, settings.rounds)
        peaks, targets = memory.of(ours.processes)
    for shape in SHAPES:
        pair = (shape.name, estafeta.SIGNED, alone.name)
        results.ratio(*pair, RATE, called="ratio of rate")
        costs = results.ratio(*pair, CPU, called="ratio of CPU", inverse=True)
        targets.append(Target(f"{COUNT} copies, {shape.name}: CPU of the split alone to ours", costs, TARGET))
    return Report([*results.rows, *peaks], targets)


def _round(contender: Contender, shape: Shape, turns: Iterator[int], share: float) -> dict[str, float]:
    return once(contender, shape, next(turns), max(2, int(COUNT * share)))


def once(contender: Contender, shape: Shape, turn: int, count: int) -> dict[str, float]:
    """Send one message to so many; `turn` tells their addresses from those of others."""
    addresses = [f"r{number}.{turn}@dest.example" for number in range(count)]
    listed = bool(contender.server.username)
    text = template(shape, addresses, contender.server.sender, listed=listed)
    data = messages.numbered(text, turn)
    before = measure.cpu_seconds(contender.roots)
    assert contender.maillog is not None
    log = contender.maillog.stat().st_size
    began, accepted = _send(contender, addresses[:1] if listed else addresses, data)
    _await(contender.maillog, log, set(addresses), began)
    delivered = time.perf_counter() - began - accepted
    time.sleep(1)  # the log follower reads what the last deliveries wrote
    cpu = measure.cpu_seconds(contender.roots) - before
    return {"to the 250, s": accepted, RATE: len(addresses) / delivered, CPU: cpu * 1000 / len(addresses)}


def _send(contender: Contender, recipients: list[str], data: bytes) -> tuple[float, float]:
    """Send one message; return when its final dot went, and the seconds from there to the answer."""
    server = contender.server
    with smtplib.SMTP("127.0.0.1", server.port, local_hostname="bench.example") as client:
        commands = ["EHLO bench.example"]
        if server.username:
            plain = base64.b64encode(f"\0{server.username}\0{server.password}".encode())
            commands.append(f"AUTH PLAIN {plain.decode()}")
        commands.append(f"MAIL FROM:<{server.sender}>")
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


def template(shape: Shape, addresses: list[str], sender: str, *, listed: bool) -> bytes:
    """Return the message of a client of ours, or what one recipient gets of it, but for what we put in."""
    text = messages.newsletter(shape.size, shape.links, sender)
    if not listed:
        folded = b"Cc: " + b",\r\n ".join(address.encode() for address in addresses[1:]) + b"\r\n"
        field = folded if shape.field == "cc" else b""
        return text.replace(messages.TRACKED, field)
    asked = json.loads(messages.TRACKED.partition(b":")[2])
    value = json.dumps({**asked, shape.field: addresses[1:]})
    # No line may be longer than 998 bytes (RFC 5322 section 2.1.1).
    return text.replace(messages.TRACKED, b"X-MSYS-API: " + value.replace(" ", "\r\n ").encode() + b"\r\n")


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
