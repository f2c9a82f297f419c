"""Everything killed at random under load for twenty seconds, and a checker that sees what is there to see.

`make chaos` is the same for two minutes or longer, with another seed each time.
"""

import dataclasses
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from estafeta_chaos import report
from estafeta_chaos.client import Attempt, Verdict
from estafeta_chaos.doubled import explained, made
from estafeta_chaos.judge import Evidence, Judge
from estafeta_chaos.killer import KINDS, OURS, Kill
from estafeta_chaos.letters import ATTEMPT, FAN_OUT, MIX, letters
from estafeta_chaos.maillog import MailLog
from estafeta_chaos.outcome import Arrival
from estafeta_chaos.run import Plan, Result, run
from estafeta_testing import sandbox as testing
from estafeta_testing.outbox import Copy
from estafeta_testing.relay import Relay

PROGRAM = Path(__file__).parents[1] / "chaos" / "run.py"
PLAN = Plan(seed=20261120, seconds=20, clients=6, every=0.5, kinds=KINDS, mix=MIX, patience=120, accepted=150)


@pytest.fixture(scope="module")
def result() -> Iterator[Result]:
    with testing.running() as running:
        yield run(Relay(running.description), PLAN, lambda text: None)


@pytest.mark.timeout(600)
def test_k9_kills_at_random_lose_double_and_spoil_nothing(result: Result) -> None:
    assert not result.verdict.violations, report.as_text(result)


def test_there_were_enough_messages_and_kills_to_say_so(result: Result) -> None:
    accepted = [attempt for attempt in result.evidence.attempts if attempt.verdict == "accepted"]
    fanned_out = [attempt for attempt in accepted if attempt.draft.letter.kind in FAN_OUT]
    kills = {kill.kind for kill in result.evidence.kills}
    assert len(accepted) >= 100, report.as_text(result)
    assert len(fanned_out) >= len(accepted) / 5
    assert len(result.evidence.kills) >= 16
    assert len(kills & set(OURS)) >= 3
    assert len(kills - set(OURS)) >= 3


def test_a_seed_makes_the_same_letters_again() -> None:
    assert list(islice(letters(7, MIX), 50)) == list(islice(letters(7, MIX), 50))
    assert list(islice(letters(7, MIX), 50)) != list(islice(letters(8, MIX), 50))


def test_a_long_queue_id_tells_when_it_was_made(result: Result) -> None:
    """Seconds and microseconds to the base of 52, as postconf(5) has them under enable_long_queue_ids."""
    told = [attempt for attempt in result.evidence.attempts if attempt.queue_id]
    assert all(attempt.began <= made(attempt.queue_id) <= attempt.ended for attempt in told)


def test_the_program_tells_how_it_is_used() -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "--help"], capture_output=True, text=True, check=True
    )
    assert "--seed" in done.stdout


# What is done to the evidence, and what the checker has to say of it.
Spoil = Callable[["Few"], None]


class Few:
    """The evidence of one attempt of a kind that went without a fault, to be spoilt."""

    def __init__(self, result: Result, kind: str) -> None:
        whole = result.evidence
        self.attempt = next(each for each in whole.attempts if self._is_plain(each, kind, whole))
        self.arrivals = [each for each in whole.arrivals if each.attempt == self.attempt.draft.id]
        self.stored = list(whole.stored[self.attempt.draft.id])
        self.kills: list[Kill] = []
        self._result = result

    def _is_plain(self, attempt: Attempt, kind: str, whole: Evidence) -> bool:
        came = [each.delivered_to for each in whole.arrivals if each.attempt == attempt.draft.id]
        plain = attempt.draft.letter.kind == kind and attempt.verdict == "accepted"
        return plain and sorted(came) == sorted(attempt.draft.recipients)

    def found(self) -> set[str]:
        """Return what the checker calls it."""
        log, draft = self._result.evidence.log, self.attempt.draft
        evidence = Evidence([self.attempt], self.arrivals, {draft.id: self.stored}, log, self.kills)
        return {violation.what for violation in Judge(evidence, self._result.inspector).verdict().violations}

    def told(self, verdict: Verdict, reply: str) -> None:
        """Have the client been told something else."""
        self.attempt = dataclasses.replace(self.attempt, verdict=verdict, reply=reply)

    def edit(self, old: bytes, new: bytes) -> None:
        """Replace something in the last copy, which is there."""
        *_, last = self.arrivals
        copy = last.copy
        assert old in copy.message, old
        changed = Copy(copy.return_path, copy.delivered_to, copy.message.replace(old, new, 1))
        self.arrivals[-1] = Arrival.of(last.time, changed)

    def exchange(self) -> None:
        """Have the first two copies go to each other's recipient."""
        one, other = self.arrivals[0].copy, self.arrivals[1].copy
        self.arrivals[0] = Arrival.of(0.0, Copy(one.return_path, other.delivered_to, one.message))
        self.arrivals[1] = Arrival.of(0.0, Copy(other.return_path, one.delivered_to, other.message))

    def repeat(self) -> None:
        """Have the last copy come twice."""
        last = self.arrivals[-1]
        self.arrivals.append(Arrival.of(last.time + 1.0, last.copy))

    def killed(self, kind: str) -> None:
        """Have a process been killed when the last copy came."""
        self.kills.append(Kill(self.arrivals[-1].time + 0.05, kind, 1))

    def forget(self, event: str) -> None:
        """Take an event of every recipient out of the store."""
        events = {id_: +counted for id_, counted in self.stored[0].events.items()}
        for counted in events.values():
            assert counted.pop(event) == 1
        self.stored[0] = dataclasses.replace(self.stored[0], events=events)


def untracked(few: Few) -> None:
    """Have one link lead where it led before."""
    body = few.arrivals[-1].copy.body
    (first, *_) = re.findall(rb'href="([^"]*)"', body)
    few.edit(first, few.attempt.draft.targets[-1].encode())


def cut(few: Few) -> None:
    """Have the end of a body be missing, as when a milter dies between two chunks."""
    few.edit(few.arrivals[-1].copy.body[-300:], b"")


SPOILT: dict[str, tuple[str, Spoil, set[str]]] = {
    "nothing is wrong": ("lists", lambda few: None, set()),
    "no copy came": ("tracked", lambda few: few.arrivals.clear(), {"lost", "store"}),
    "one copy of several is missing": ("lists", lambda few: few.arrivals.__delitem__(0), {"lost", "store"}),
    "a copy came twice": ("plain", lambda few: few.repeat(), {"doubled"}),
    "a link is not ours": ("tracked", untracked, {"transformed"}),
    "a body is half there": ("plain", cut, {"transformed"}),
    "two copies have each other's links": ("several", lambda few: few.exchange(), {"transformed"}),
    "a control header": (
        "lists",
        lambda few: few.edit(b"Subject:", b"X-MSYS-API: {}\r\nSubject:"),
        {"transformed"},
    ),
    "the job": (
        "several",
        lambda few: few.edit(b"Subject:", b"X-Estafeta-Job: x\r\nSubject:"),
        {"transformed"},
    ),
    "a broken signature": ("alike", lambda few: few.edit(b"Acme News", b"Evil News"), {"transformed"}),
    "no List-Unsubscribe": (
        "personal",
        lambda few: few.edit(b"List-Unsubscribe:", b"X-Gone:"),
        {"transformed"},
    ),
    "a copy of nobody's": (
        "plain",
        lambda few: few.edit(ATTEMPT.encode(), b"X-Other"),
        {"stray", "lost", "store"},
    ),
    "a refusal for good": ("plain", lambda few: few.told("refused", "550 5.6.0 no"), {"refused", "unasked"}),
    "refused, and delivered": ("plain", lambda few: few.told("refused", "451 4.7.1 later"), {"unasked"}),
    "dropped, and delivered": ("plain", lambda few: few.told("dropped", "ConnectionError"), {"unasked"}),
    "not in the store": ("plain", lambda few: few.stored.clear(), {"store"}),
    "in the store twice": ("plain", lambda few: few.stored.extend(few.stored), {"store"}),
    "no delivery event": ("lists", lambda few: few.forget("delivery"), {"store"}),
}


@pytest.mark.parametrize(("kind", "spoil", "expected"), SPOILT.values(), ids=SPOILT)
def test_the_checker_sees_what_is_wrong(result: Result, kind: str, spoil: Spoil, expected: set[str]) -> None:
    few = Few(result, kind)
    spoil(few)
    assert few.found() == expected


def test_a_client_that_cannot_know_may_have_sent_all_or_nothing(result: Result) -> None:
    few = Few(result, "lists")
    few.told("ambiguous", "ConnectionError")
    assert few.found() == set()
    few.arrivals.pop()
    assert few.found() == {"half", "store"}


def test_a_refusal_of_a_queued_message_is_explained_by_a_dead_cleanup_alone(result: Result) -> None:
    few = Few(result, "plain")
    few.told("refused", "451 4.3.0 Error: queue file write error")
    assert few.found() == {"unasked"}
    few.kills = [Kill(few.attempt.ended, "milter", 1)]
    assert few.found() == {"unasked"}
    few.kills = [Kill(few.attempt.ended, "cleanup", 1)]
    assert few.found() == set()


@pytest.mark.parametrize(
    ("kind", "doubled"), [("smtp", False), ("milter", True), ("worker", True), ("split", True)]
)
def test_a_double_is_explained_by_who_may_have_made_it_alone(
    result: Result, kind: str, doubled: bool
) -> None:
    few = Few(result, "plain")
    few.killed(kind)
    few.repeat()
    assert ("doubled" in few.found()) == doubled


TAKEN = made(FIRST := "4jWRGV5PZkz1SxDG")  # the two copies, and what they were made from
AGAIN = made(SECOND := "4jWRGW18M3z1SxDB")
SOURCE = "4jWRGV3jRRz1SxDY"
READER = "reader@example.net"
SPLIT = f"postfix/estafeta-split/smtp[7]: {SOURCE}: to=<{READER}>, relay=127.0.0.1, delay=1, status"
SMTPD = "postfix/estafeta-delivery/smtpd"
UNMARKED = (
    f"postfix/submission/smtpd[4]: {SOURCE}: client=unknown[127.0.0.1]",
    f"{SMTPD}[5]: {FIRST}: client=unknown[127.0.0.1], orig_queue_id={SOURCE}",
    f"{SMTPD}[6]: {SECOND}: client=unknown[127.0.0.1], orig_queue_id={SOURCE}",
    f"{SPLIT}=sent (250 2.0.0 Ok: queued as {SECOND})",
)
MARKED = (*UNMARKED, f"{SPLIT}=sent (250 2.0.0 Ok: queued as {FIRST})")
BEFORE, BETWEEN, AFTER = TAKEN - 0.5, TAKEN + 0.1, AGAIN + 0.1


@pytest.mark.parametrize(
    ("lines", "kill", "killed"),
    [
        (UNMARKED, Kill(BETWEEN, "split", 7), "split"),
        (UNMARKED, Kill(BEFORE, "split", 7), ""),
        (UNMARKED, Kill(AFTER, "split", 7), ""),
        (UNMARKED, Kill(BETWEEN, "smtpd-copies", 5), "smtpd-copies"),
        (UNMARKED, Kill(BETWEEN, "smtpd-copies", 6), ""),
        (UNMARKED, Kill(BETWEEN, "qmgr", 8), ""),
        (UNMARKED, Kill(BETWEEN, "milter", 9), ""),
        (MARKED, Kill(BETWEEN, "qmgr", 8), "qmgr"),
        (MARKED, Kill(AFTER, "qmgr", 8), ""),
        (MARKED, Kill(BETWEEN, "split", 10), ""),
        (MARKED, Kill(BETWEEN, "split", 7), "split"),
    ],
)
def test_a_copy_made_twice_is_explained_by_the_log_and_a_kill(
    tmp_path: Path, lines: tuple[str, ...], kill: Kill, killed: str
) -> None:
    stamp = time.strftime("%b %d %H:%M:%S", time.localtime(TAKEN))
    path = tmp_path / "mail.log"
    path.write_text("".join(f"{stamp} mx {line}\n" for line in lines))
    one, other = (
        Arrival.of(0.0, Copy("", READER, f"Received: by mx (Postfix) id {id_}; x\r\n\r\n".encode()))
        for id_ in (FIRST, SECOND)
    )
    reason = explained(one, other, MailLog(path), [kill])
    assert (reason.killed if reason else "") == killed


def test_every_letter_can_be_told_from_every_other() -> None:
    drafts = [letter.draft(try_) for letter in islice(letters(3, MIX), 40) for try_ in (1, 2)]
    addresses = [address for draft in drafts for address in draft.recipients]
    assert len(set(addresses)) == len(addresses)
    assert len({draft.body for draft in drafts}) == len(drafts)
    assert {draft.letter.kind for draft in drafts} == set(MIX)
