"""The milter's code in this process, with the CPU of each stage and handler.

A stage is a function that is replaced by one that takes the time around it; what a stage calls that is one
itself is taken off.
"""

import contextlib
import functools
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from bench import folders
from bench.load import Server
from bench.mail import Template
from bench.messages import numbered
from bench.rounds import Row
from estafeta_core import sockets
from estafeta_core.config.live import Live
from estafeta_core.headers import Header
from estafeta_core.ids import IdSource
from estafeta_core.store import open_store
from estafeta_core.store.store import Store
from estafeta_milter import copies, edits, ledger, proposal, submission
from estafeta_milter.admission import Admission
from estafeta_milter.allowance import Allowance
from estafeta_milter.derived import Deriving
from estafeta_milter.job import Job
from estafeta_milter.message.message import Message
from estafeta_milter.pipeline import PIPELINE, Step, transform
from estafeta_milter.submission import Submission
from estafeta_milter.verdict import Envelope

MEASURE = "CPU us a message, in process"
MESSAGES = 300  # of a round


class Clock:
    """CPU of stages, in nanoseconds, without that of the stages within."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._within = [0]

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its time taken."""

        @functools.wraps(function)
        def timed(*arguments: object, **named: object) -> Any:
            self._within.append(0)
            begun = time.process_time_ns()
            try:
                return function(*arguments, **named)
            finally:
                took = time.process_time_ns() - begun
                self.spent[name] += took - self._within.pop()
                self._within[-1] += took

        return timed


def rows(config: Path, load: str, server: Server, text: Template, *, rounds: int) -> list[Row]:
    """Return a row for each stage that takes a microsecond or more, the largest first."""
    template = text(server.sender).replace(b"\r\n", b"\n")
    head, _, body = template.partition(b"\n\n")
    head = numbered(head, 1)
    headers = tuple(_header(field) for field in head.replace(b"\n ", b"\r ").split(b"\n"))
    wire = body.replace(b"\n", b"\r\n")
    found: dict[str, list[float]] = {}
    with folders.fresh() as folder, _submission(config, folder) as (admission, decisions):
        for turn in range(rounds + 1):
            spent = _round(admission, decisions, server.sender, headers, wire)
            if turn:  # the first turn warms up
                for name, nanoseconds in spent.items():
                    found.setdefault(name, []).append(nanoseconds / 1000 / MESSAGES)
    ordered = sorted(found.items(), key=lambda each: -statistics.median(each[1]))
    return [Row(load, name, {MEASURE: us}) for name, us in ordered if statistics.median(us) >= 1]


def _header(field: bytes) -> Header:
    name, _, value = field.partition(b":")
    return Header(name.decode(), value.replace(b"\r", b"\n").removeprefix(b" "))


@contextlib.contextmanager
def _submission(config: Path, folder: Path) -> Iterator[tuple[Admission, Submission]]:
    live, deriving = Live(config), Deriving()
    store = open_store(f"sqlite:///{folder}/estafeta.db", checkpoints=True)
    with contextlib.closing(store):
        allowance = Allowance(sockets.policy(live.current.config.run_dir))
        yield Admission(live, deriving), Submission(store, IdSource(), deriving, allowance)


def _round(
    admission: Admission, decisions: Submission, sender: str, headers: tuple[Header, ...], body: bytes
) -> "Counter[str]":
    clock = Clock()
    bodies = [numbered(body, number) for number in range(MESSAGES)]
    account = sender.partition("@")[2].partition(".")[0]  # each has a domain of its own name

    def one(number: int) -> None:
        envelope = admission.mail(
            identity=f"{account}/main",
            listener="sparkpost",
            client_address="127.0.0.1",
            secured=False,
            sender=sender,
        )
        assert isinstance(envelope, Envelope), envelope
        recipients = (f"r{number}@dest.example",)
        done = decisions.end(envelope, f"4b{number:x}", recipients, headers, bodies[number])
        assert isinstance(done, list), done

    with _timed(clock):
        for number in range(MESSAGES):
            clock.around("everything else", one)(number)
    return clock.spent


@contextlib.contextmanager
def _timed(clock: Clock) -> Iterator[None]:
    steps = {step: Step(clock.around(_short(step.handler), step.handler), step.when) for step in PIPELINE}

    def timed_transform(message: Message, job: Job, chosen: Iterable[Step] = PIPELINE) -> Message:
        return transform(message, job, [steps[step] for step in chosen])

    stages: tuple[tuple[Any, str, str], ...] = (
        (Admission, "mail", "MAIL FROM: identity and sender"),
        (proposal, "decide", "decide: headers, rules, structure, suppression"),
        (Message, "rendered", "render: message to bytes"),
        (edits, "difference", "edits: difference to what came"),
        (ledger, "rows", "ledger: rows and events"),
        (Store, "record", "store: the commit, alone"),
        (submission, "_log_accepted", "log line"),
    )
    with contextlib.ExitStack() as stack:
        for place, attribute, name in stages:
            function = getattr(place, attribute)
            stack.callback(setattr, place, attribute, function)
            setattr(place, attribute, clock.around(name, function))
        stack.callback(setattr, copies, "transform", transform)
        setattr(copies, "transform", timed_transform)  # noqa: B010 - as above: it is another module's
        yield


def _short(handler: Callable[..., Any]) -> str:
    return "handler " + handler.__module__.rpartition(".")[2]
