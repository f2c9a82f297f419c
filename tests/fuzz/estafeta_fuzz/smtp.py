"""Mutants over SMTP: each is a message of an account in a sandbox, tracked or not, and gets its reply.

What must hold: 250, or a refusal for good; nothing is put off for what a message holds, no process ends, no
log has a traceback, and no reply takes longer than LIMIT. What took longer is sent once more at the end:
a machine that does other things may be slow, a message that is slow twice is at fault.
"""

import random
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from estafeta_fuzz import seeds
from estafeta_fuzz.mutants import mutants
from estafeta_testing.relay import SENDER, Relay

LIMIT = 2.0  # seconds from MAIL to the reply to the final dot
SESSIONS = 4
MESSAGES_PER_SESSION = 50
# Refusals in a row; one more, and Postfix waits a second before each reply (smtpd_soft_error_limit).
PATIENT = 9
FAULT = ("Traceback", "untrapped", "Fatal Python error")
HEADERS = (
    b'{"options": {"open_tracking": true, "click_tracking": true, "transactional": true}}',
    b'{"options": {"open_tracking": false, "click_tracking": false}}',
    b'{"options": {"click_tracking": true, "inline_css": true}, "cc": ["carla@example.net"]}',
)
_OWN = re.compile(rb"(?im)^(?:from|sender)[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*")


@dataclass
class Answers:
    """What the messages were answered."""

    accepted: int = 0
    refused: int = 0
    slow: list[bytes] = field(default_factory=list)
    """Messages whose reply took longer than LIMIT."""
    slowest: float = 0.0
    faults: list[tuple[bytes, str]] = field(default_factory=list)
    """Messages that were put off or lost the connection, each with what was said."""


def messages(count: int, seed: int) -> list[bytes]:
    """Return mutants as messages of the account, a third of them with a header that is a mutant itself."""
    chance = random.Random(f"{seed} smtp")
    bodies, controls = mutants(list(seeds.messages()), chance), mutants(list(HEADERS), chance)
    return [_message(next(bodies), next(controls), chance) for _ in range(count)]


def _message(raw: bytes, control: bytes, chance: random.Random) -> bytes:
    text = raw.replace(b"\r\n", b"\n")
    head, gap, body = text.partition(b"\n\n")
    head = _OWN.sub(b"", head + b"\n")
    broken = chance.random() < 1 / 3
    control = control.replace(b"\r", b"").replace(b"\n", b" ") if broken else chance.choice(HEADERS)
    own = b"From: " + SENDER.encode() + b"\nX-MSYS-API: " + control + b"\n"
    made = (own + head + gap[1:] + body).replace(b"\n", b"\r\n")
    return made if made.endswith(b"\r\n") else made + b"\r\n"


def send(relay: Relay, count: int, seed: int, say: Callable[[str], None]) -> Answers:
    """Send `count` mutants in a few sessions at a time and return what they were answered."""
    answers, left = Answers(), iter(messages(count, seed))
    began = time.monotonic()
    with ThreadPoolExecutor(SESSIONS) as threads:
        while batch := [list(islice(left, MESSAGES_PER_SESSION)) for _ in range(SESSIONS)]:
            if not batch[0]:
                break
            list(threads.map(lambda part: _session(relay, part, answers), batch))
            done = answers.accepted + answers.refused + len(answers.faults)
            rate = done / (time.monotonic() - began)
            say(f"{done} of {count}: {rate:.0f}/s, slowest {answers.slowest:.2f} s")
    again = Answers()
    _session(relay, answers.slow, again)
    answers.faults += [*again.faults, *((message, "slow twice") for message in again.slow)]
    return answers


def _session(relay: Relay, batch: list[bytes], answers: Answers) -> None:
    """Send one session's messages; after a reply that ends it, the rest goes in another."""
    waiting = list(batch)
    while waiting:
        with relay.session() as client:
            refused = 0  # in a row
            while waiting and refused < PATIENT:
                message = waiting.pop(0)
                started = time.monotonic()
                try:
                    reply = client.message(SENDER, ["alice@example.net"], message)
                except (OSError, AssertionError) as error:
                    answers.faults.append((message, f"connection lost: {error!r}"))
                    break
                _note(answers, message, reply, time.monotonic() - started)
                refused = refused + 1 if reply.startswith("5") else 0


def _note(answers: Answers, message: bytes, reply: str, seconds: float) -> None:
    answers.slowest = max(answers.slowest, seconds)
    if seconds > LIMIT:
        answers.slow.append(message)
    if reply.startswith("250"):
        answers.accepted += 1
    elif reply.startswith("5"):
        answers.refused += 1
    else:
        answers.faults.append((message, reply))


def harm(relay: Relay) -> list[str]:
    """Return what the messages did to the processes: those that are gone, and faults in their logs."""
    gone = [f"{role} has ended" for role, pid in relay.description["processes"].items() if not _lives(pid)]
    logs = [relay.maillog, *sorted((relay.dir / "log").iterdir())]
    return gone + [
        f"{path.name}: {line}"
        for path in logs
        for line in path.read_text(errors="replace").splitlines()
        if any(word in line for word in FAULT)
    ]


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
