"""What the clients were told, what came out, and what the store says: held against each other.

    lost           accepted, and a recipient has no copy
    doubled        a copy came twice, and no kill explains it
    transformed    a copy is not transformed as it was asked, or shows what is ours; see `whole`
    stray          a copy that no client sent, or for somebody whom none named
    refused        a reply that is for good: no fault of ours may be one
    half           of an attempt that was not accepted, some copies came and others did not
    unasked        an attempt that was refused, or dropped before its final dot, and was delivered
    store          the store lacks something, or has something too much
    stuck          when nothing is killed any more, mail still does not go

Each is told with what there is to look into: the lines of the log, the kills of the time.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from estafeta_chaos.client import Attempt
from estafeta_chaos.cores import shared_out
from estafeta_chaos.doubled import Reason, explained
from estafeta_chaos.killer import Kill
from estafeta_chaos.maillog import MailLog
from estafeta_chaos.outcome import Arrival, Stored
from estafeta_chaos.whole import Inspector

What = Literal["lost", "doubled", "transformed", "stray", "refused", "half", "unasked", "store", "stuck"]

CLEANUP_DIED = 2.0  # seconds round a reply in which the kill of its cleanup was


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that may never happen, with what there is to look into."""

    what: What
    attempt: str
    text: str
    evidence: tuple[str, ...] = ()


@dataclass(slots=True)
class Verdict:
    """What was found."""

    violations: list[Violation] = field(default_factory=list)
    doubles: list[Reason] = field(default_factory=list)
    attempts: int = 0
    copies: int = 0
    delivered_unaccepted: Counter[str] = field(default_factory=Counter)  # attempts, by what was known of them

    def add(self, part: "Verdict") -> None:
        """Take in what was found of a part of the attempts."""
        self.violations += part.violations
        self.doubles += part.doubles
        self.attempts += part.attempts
        self.copies += part.copies
        self.delivered_unaccepted += part.delivered_unaccepted


@dataclass(frozen=True, slots=True)
class Evidence:
    """The sources of one run."""

    attempts: Sequence[Attempt]
    arrivals: Sequence[Arrival]
    stored: Mapping[str, list[Stored]]  # by attempt
    log: MailLog
    kills: Sequence[Kill]


class Judge:
    """Holds the sources of one run against each other."""

    def __init__(self, evidence: Evidence, inspector: Inspector) -> None:
        self._attempts = {attempt.draft.id: attempt for attempt in evidence.attempts}
        self._arrivals = evidence.arrivals
        self._stored = evidence.stored
        self._log = evidence.log
        self._kills = evidence.kills
        self._inspector = inspector
        self._copies: dict[str, dict[str, list[Arrival]]] = {}
        self._verdict = Verdict(copies=len(evidence.arrivals))

    def verdict(self, say: Callable[[str], None] = lambda _: None) -> Verdict:
        """Return everything that was found; tell meanwhile how much has been looked at."""
        for arrival in self._arrivals:
            self._take(arrival)
        for part in shared_out(self._judged, list(self._attempts.values())):
            self._verdict.add(part)
            say(f"{self._verdict.attempts} of {len(self._attempts)} attempts compared")
        for id_ in self._stored.keys() - self._attempts.keys():
            self._found("store", id_, "a transmission that no client sent")
        return self._verdict

    def _judged(self, attempts: Sequence[Attempt]) -> Verdict:
        """Return what was found of some of the attempts."""
        whole, self._verdict = self._verdict, Verdict(attempts=len(attempts))
        try:
            for attempt in attempts:
                self._judge(attempt)
            return self._verdict
        finally:
            self._verdict = whole

    def _found(self, what: What, attempt: str, text: str, evidence: Sequence[str] = ()) -> None:
        self._verdict.violations.append(Violation(what, attempt, text, tuple(evidence)))

    def _take(self, arrival: Arrival) -> None:
        """Sort a copy to the attempt that it came from."""
        attempt, recipient = self._attempts.get(arrival.attempt), arrival.delivered_to
        if attempt is None or recipient not in attempt.draft.recipients:
            head = arrival.copy.header_block.decode("utf-8", "replace").splitlines()
            self._found("stray", arrival.attempt, f"a copy for {recipient}", head)
            return
        self._copies.setdefault(attempt.draft.id, {}).setdefault(recipient, []).append(arrival)

    def _judge(self, attempt: Attempt) -> None:
        copies = self._copies.get(attempt.draft.id, {})
        if attempt.verdict == "refused" and not attempt.reply.startswith("4"):
            self._found("refused", attempt.draft.id, attempt.reply)
        transmission = self._transmission(attempt, copies)
        self._complete(attempt, copies)
        if transmission is None:
            return
        for recipient, arrivals in copies.items():
            self._whole(attempt, arrivals, transmission)
            self._once(attempt, recipient, arrivals)
        if copies:
            self._told(attempt, copies, transmission)
        elif any(events["delivery"] for events in transmission.events.values()):
            evidence = self._evidence(attempt, copies)
            self._found("store", attempt.draft.id, "deliveries of what nobody got", evidence)

    def _transmission(self, attempt: Attempt, copies: dict[str, list[Arrival]]) -> Stored | None:
        """Return what the store has of an attempt."""
        found, id_ = self._stored.get(attempt.draft.id, []), attempt.draft.id
        if len(found) > 1:
            self._found("store", id_, f"{len(found)} transmissions of one attempt")
        if not found:
            if copies or attempt.verdict == "accepted":
                self._found("store", id_, "no transmission", self._evidence(attempt, copies))
            return None
        if attempt.dot is None:
            self._found("store", id_, f"a transmission, and the client was not done: {attempt.reply}")
        names = {attempt.queue_id, *(a.told for each in copies.values() for a in each)} - {""}
        if names - {found[0].queue_id}:
            self._found("store", id_, f"queued as {names}, in the store as {found[0].queue_id}")
        return found[0]

    def _complete(self, attempt: Attempt, copies: dict[str, list[Arrival]]) -> None:
        """Hold who got a copy to who has to."""
        missing = attempt.draft.recipients.keys() - copies.keys()
        if attempt.verdict == "accepted":
            for recipient in sorted(missing):
                text = f"accepted as {attempt.queue_id}, nothing came for {recipient}"
                self._found("lost", attempt.draft.id, text, self._evidence(attempt, copies))
        elif copies:
            self._unaccepted(attempt, copies, missing)

    def _unaccepted(self, attempt: Attempt, copies: dict[str, list[Arrival]], missing: set[str]) -> None:
        evidence = [f"the client was told: {attempt.reply}", *self._evidence(attempt, copies)]
        self._verdict.delivered_unaccepted[attempt.verdict] += 1
        if missing:
            self._found("half", attempt.draft.id, f"nothing came for {sorted(missing)}", evidence)
        if attempt.verdict != "ambiguous" and not self._cleanup_died(attempt):
            self._found("unasked", attempt.draft.id, f"{attempt.verdict}, and delivered", evidence)

    def _cleanup_died(self, attempt: Attempt) -> bool:
        """Whether smtpd may have refused a message that was queued: cleanup died before it could say so.

        That is Postfix's own, and such a reply is ambiguous in truth.
        """
        if attempt.verdict != "refused" or attempt.dot is None:
            return False
        since, until = attempt.dot - CLEANUP_DIED, attempt.ended + CLEANUP_DIED
        died = any(kill.kind == "cleanup" and since <= kill.time <= until for kill in self._kills)
        return died and "queue file write error" in attempt.reply

    def _whole(self, attempt: Attempt, arrivals: list[Arrival], transmission: Stored) -> None:
        for arrival in arrivals:
            if arrival.delivered_to not in transmission.messages:
                return  # the store lacks it, which is told once
            for fault in self._inspector.faults(arrival, attempt.draft, transmission):
                text = f"{arrival.delivered_to}, {arrival.queue_id}: {fault}"
                self._found("transformed", attempt.draft.id, text, self._log.evidence(transmission.queue_id))

    def _once(self, attempt: Attempt, recipient: str, arrivals: list[Arrival]) -> None:
        for first, second in itertools.pairwise(arrivals):
            reason = explained(first, second, self._log, self._kills)
            if reason is not None:
                self._verdict.doubles.append(reason)
                continue
            queue_id = first.told
            times = " and ".join(f"as {each.queue_id} at {each.time:.3f}" for each in (first, second))
            text = f"{recipient}: came {times}"
            evidence = [*self._nearby(first.time, second.time), *self._log.evidence(queue_id)]
            self._found("doubled", attempt.draft.id, text, evidence)

    def _nearby(self, since: float, until: float) -> Iterator[str]:
        """Yield the kills round a time."""
        for kill in self._kills:
            if since - 5 <= kill.time <= until + 5:
                yield f"{kill.time:.3f} kill -9 {kill.kind} {kill.pid}"

    def _told(self, attempt: Attempt, copies: dict[str, list[Arrival]], transmission: Stored) -> None:
        """Hold the store's rows and events to what was delivered."""
        for recipient, kind in attempt.draft.recipients.items():
            found = transmission.rcpt_types.get(recipient)
            if found != kind:
                text = f"{recipient}: a message of type {found!r}, not {kind!r}"
                self._found("store", attempt.draft.id, text)
                continue
            events = transmission.events[transmission.messages[recipient]]
            said = {name: events[name] for name in ("injection", "delivery", "bounce")}
            sent = self._log.sent(transmission.queue_id, recipient)
            came = len(copies.get(recipient, ()))
            # Of copies that came twice, one may have gone unnoted: who would have noted it was killed.
            if said != {"injection": 1, "delivery": sent, "bounce": 0} or not min(came, 1) <= sent <= came:
                text = f"{recipient}: {came} copies, {sent} deliveries in the log, events {said}"
                self._found("store", attempt.draft.id, text, self._log.evidence(transmission.queue_id))
        strangers = transmission.messages.keys() - attempt.draft.recipients.keys()
        if strangers:
            self._found("store", attempt.draft.id, f"messages for {sorted(strangers)}")

    def _evidence(self, attempt: Attempt, copies: dict[str, list[Arrival]]) -> list[str]:
        queue_ids = {attempt.queue_id, *(each.queue_id for each in self._stored.get(attempt.draft.id, []))}
        queue_ids |= {arrival.told for arrivals in copies.values() for arrival in arrivals}
        return [line for queue_id in sorted(queue_ids - {""}) for line in self._log.evidence(queue_id)]
