"""R14: random walks through SMTP, each reply held against a model of what it has to be.

The model knows what a session has said: greeted, logged in, sender, recipients. It tells of each command
which codes are right; commands are of all kinds, in any order, well and badly made. What the model never
allows: a 2xx to MAIL without a login, to RCPT without a sender, 354 without a recipient, a 4xx, silence.
Each message that is accepted has its walk and number in it, and is delivered once to whom it was addressed.
"""

import base64
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from estafeta_soak.mail import NUMBER
from estafeta_soak.readers import Outbox
from estafeta_soak.step import Plan, Row
from estafeta_testing.relay import CLIENT, SENDER, Relay
from estafeta_testing.smtp import Connection, stuffed

WALKS = 50_000
THREADS = 8
STEPS = (4, 24)  # commands of a walk
FIRST = 70_000_000  # the number of the first walk's first message
PER_WALK = 100  # numbers
ERRORS = (
    8  # replies that refuse, at most, in one walk: behind ten, smtpd waits before each (soft_error_limit)
)
FORWARD = 0.4  # of the commands lead on to a message; all others are any


@dataclass
class State:
    """What a session has said, as far as it was taken."""

    greeted: bool = False
    logged_in: bool = False
    sender: bool = False
    recipients: list[str] = field(default_factory=list)

    def reset(self) -> None:
        """Forget the message."""
        self.sender, self.recipients = False, []


@dataclass(frozen=True, slots=True)
class Command:
    """One command: what is sent, which codes are right, and what follows from the first of them."""

    name: str
    line: str
    right: tuple[str, ...]
    then: Callable[[State], None] = lambda _: None


@dataclass
class Tally:
    """What came of walks."""

    walks: int = 0
    commands: Counter[str] = field(default_factory=Counter)
    expected: dict[int, frozenset[str]] = field(default_factory=dict)  # recipients by number
    wrong: list[str] = field(default_factory=list)
    slowest: float = 0.0


def commands(
    state: State, walk: int, number: int, login: str, chance: random.Random
) -> Iterator[tuple[int, Command]]:
    """Yield what can be said now, with its weight; nothing of it depends on what is likely to be right."""
    recipient = f"w{walk}.{number}.{chance.randrange(1000)}@example.net"

    def greet(now: State) -> None:
        now.greeted = True
        now.reset()

    def log_in(now: State) -> None:
        now.logged_in = True

    def send(now: State) -> None:
        now.sender = True

    def address(now: State) -> None:
        now.recipients.append(recipient)

    yield 4, Command("EHLO", f"EHLO {CLIENT}", ("250",), greet)
    yield 1, Command("HELO", f"HELO {CLIENT}", ("250",), greet)
    yield 1, Command("EHLO without a name", "EHLO", ("501",))
    auth = ("235",) if state.greeted and not state.logged_in and not state.sender else ("503",)
    yield 5, Command("AUTH", f"AUTH PLAIN {login}", auth, log_in if auth == ("235",) else lambda _: None)
    yield 1, Command("AUTH without a mechanism", "AUTH", ("501", "503"))
    mail = (
        ("250",) if state.greeted and state.logged_in and not state.sender else ("503", "530", "550", "553")
    )
    yield 6, Command("MAIL", f"MAIL FROM:<{SENDER}>", mail, send if mail == ("250",) else lambda _: None)
    other = ("503", "530", "550", "553", "555")
    yield 1, Command("MAIL without brackets or address", "MAIL FROM:", ("501", *other))
    yield 1, Command("MAIL with an unknown parameter", f"MAIL FROM:<{SENDER}> ZZZ=1", ("501", *other))
    rcpt = ("250",) if state.sender else ("503",)
    yield 7, Command("RCPT", f"RCPT TO:<{recipient}>", rcpt, address if state.sender else lambda _: None)
    yield 1, Command("RCPT to no address", "RCPT TO:<no address>", ("501", "503", "550", "553"))
    yield 1, Command("RCPT to nobody", "RCPT TO:<>", ("501", "503", "550"))
    yield 4, Command("DATA", "DATA", ("354",) if state.recipients else ("503", "554"))
    yield 1, Command("DATA with a word", "DATA now", ("501", "503", "554"))
    yield 3, Command("RSET", "RSET", ("250",), State.reset)
    yield 1, Command("NOOP", "NOOP", ("250",))
    yield 1, Command("VRFY", "VRFY alice@example.net", ("252", "502", "503", "530", "550", "554"))
    yield 1, Command("an unknown word", "XYZZY 1 2 3", ("500", "502", "503"))
    yield 1, Command("bytes", "\x01\x02\xe9", ("500", "502", "503"))
    yield 1, Command("a long line", "NOOP " + "x" * 1500, ("250", "500", "501"))


def walk(relay: Relay, seed: str, number: int, tally: Tally) -> None:
    """Take one walk; what is wrong stands in the tally, with every line of it."""
    chance, state = random.Random(seed), State()
    login = _login(relay)
    sent = 0
    errors = 0
    with relay.raw() as connection:
        try:
            _hold(connection.reply(), ("220",), "greeting")
            for _ in range(chance.randint(*STEPS)):
                weights, every = zip(*commands(state, number, sent, login, chance), strict=True)
                (command,) = chance.choices(every, weights)
                if chance.random() < FORWARD:
                    command = next((each for each in every if each.name == _next(state)), command)
                began = time.monotonic()
                reply = connection.command(command.line.encode("latin-1"))
                tally.slowest = max(tally.slowest, time.monotonic() - began)
                tally.commands[command.name] += 1
                _hold(reply, command.right, command.name)
                command.then(state)
                if reply.startswith("354"):
                    sent += _content(connection, state, FIRST + number * PER_WALK + sent, chance, tally)
                    state.reset()
                errors += reply[0] == "5"
                if errors >= ERRORS:
                    break
            _hold(connection.command("QUIT"), ("221",), "QUIT")
        except (OSError, AssertionError) as error:
            lines = " / ".join(line[:80] for line in connection.transcript[-12:])
            tally.wrong.append(f"walk {seed}: {error!r}: {lines}")


def _next(state: State) -> str:
    """Return the command that leads on to a message."""
    if not state.greeted:
        return "EHLO"
    if not state.logged_in:
        return "AUTH"
    if not state.sender:
        return "MAIL"
    return "DATA" if state.recipients else "RCPT"


def _login(relay: Relay) -> str:
    credential = relay.credential()
    return base64.b64encode(f"\0{credential.username}\0{credential.password}".encode()).decode()


def _content(connection: Connection, state: State, number: int, chance: random.Random, tally: Tally) -> int:
    """Send a message, one in four of which may not pass; return 1."""
    sender = SENDER if chance.random() < 0.75 else "x@other.example"
    body = chance.choice(("", "Hello.\r\n", ".\r\n..\r\n", "<a href='https://example.com/'>x</a>\r\n"))
    head = f"From: {sender}\r\nTo: r@example.net\r\nSubject: walk\r\n{NUMBER}: {number}\r\n"
    connection.send(stuffed((head + "Content-Type: text/html\r\n\r\n" + body).encode()))
    reply = connection.reply()
    if sender == SENDER:
        _hold(reply, ("250",), "the final dot")
        tally.expected[number] = frozenset(state.recipients)  # one who is named twice has one copy
    else:
        _hold(reply, ("550", "553", "554"), "the final dot of somebody else's message")
    return 1


def _hold(reply: str, right: tuple[str, ...], what: str) -> None:
    assert reply[:3] in right, f"{what}: {reply.partition(chr(10))[0]} instead of {'/'.join(right)}"


def take(relay: Relay, seed: int, count: int, say: Callable[[str], None], first: int = 0) -> Tally:
    """Take so many walks, a few at a time."""
    tally, numbers, guard = Tally(), iter(range(first, first + count)), threading.Lock()

    def run() -> None:
        while True:
            with guard:
                number = next(numbers, None)
            if number is None:
                return
            walk(relay, f"{seed}-{number}", number, tally)
            tally.walks += 1
            if tally.walks % 1000 == 0:
                say(
                    f"R14: {tally.walks} of {count} walks, {len(tally.expected)} messages,"
                    f" {len(tally.wrong)} wrong"
                )

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tally


def run(plan: Plan, row: Row) -> None:
    """Run the row."""
    with plan.sandbox() as (relay, _):
        tally = take(relay, plan.seed, plan.count(WALKS), plan.say)
        copies = Counter({number: len(recipients) for number, recipients in tally.expected.items()})
        outbox, give_up = Outbox(relay), time.monotonic() + 300
        while copies - outbox.came and time.monotonic() < give_up:
            outbox.look()
            time.sleep(0.5)
    row.hold("replies that the model does not allow", "none", tally.wrong[:3] or "none", not tally.wrong)
    missing = len(copies - outbox.came)
    row.hold("messages accepted, and not delivered to all", "0", missing, not missing)
    more = len(outbox.came - copies)
    row.hold("messages delivered that were not accepted, or too often", "0", more, not more)
    row.figures |= {
        "walks": tally.walks,
        "commands": tally.commands.total(),
        "messages": len(tally.expected),
        "slowest reply": f"{tally.slowest:.2f} s",
    }
