"""Why a copy came twice: where on its way it was repeated, and which kill made Postfix repeat it.

A process delivers, hears the other side's 250, logs `status=sent` and marks the recipient in the queue file.
Killed in between, nobody can tell whether it had delivered, and Postfix would rather deliver twice than lose
mail. So the first delivery of two is in the log only if it was noted by a process killed right behind it:

    out      smtp was killed when the other host had taken the message
    split    split was killed when the copy had been queued; or the smtpd that took it or its cleanup was,
             and the 250 was lost on its way: which processes these were is in the log

A first delivery that was noted by a process that lived on is repeated in one case: the queue manager was
killed before, and the one that followed handed out once more what was still being delivered.

A copy's queue id tells the microsecond at which it was made (`enable_long_queue_ids` in postconf(5)), the
outbox that at which one came; lines of the log tell the second.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from estafeta_chaos.killer import Kill
from estafeta_chaos.maillog import Line, MailLog
from estafeta_chaos.outcome import Arrival

AT_ONCE = 2.0  # seconds from a delivery to its mark, on a busy machine; 0.1 where nothing else runs
BEFORE = 1.0  # seconds that the other host may take to read what a process had sent before it was killed
TAKERS = ("smtpd-copies", "cleanup-copies")  # they log under the queue id of the copy
SECOND = 1.0  # what the log's times leave open

_DIGITS = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"
_SECONDS = 6  # digits of a long queue id; then four of microseconds
_WORDS = ("lost connection with", "unknown mail transport error", "queue file write error")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one copy came once more."""

    killed: str  # the kind of process
    hop: str  # `out` to the other host, or `split`
    queue_id: str  # the queue file whose delivery was repeated
    text: str


@dataclass(frozen=True, slots=True)
class _Repeated:
    """A delivery that was made twice."""

    hop: str
    queue_id: str
    first: str  # what the first copy left as
    done: float  # when it was taken, or not long before
    marked: float  # when its mark ought to have been there
    again: float
    noted: list[Line]  # what the log says of the first one; [] where nothing does


def explained(first: Arrival, second: Arrival, log: MailLog, kills: Sequence[Kill]) -> Reason | None:
    """Return why `second` came when `first` had come; None where nothing accounts for it."""
    repeated = _repeated(first, second, log)
    if repeated is None:
        return None
    recipient = first.delivered_to
    living = [line for line in repeated.noted if line.pid not in {kill.pid for kill in kills}]
    suspects = _queue_managers(repeated, living, log, kills) if living else _deliverers(repeated, log, kills)
    for kill in suspects:
        times = f"taken {repeated.done:.3f}, killed {kill.time:.3f}, again {repeated.again:.3f}"
        text = "; ".join((f"{recipient}: {times}", *_said(repeated, recipient, log)))
        return Reason(kill.kind, repeated.hop, repeated.queue_id, text)
    return None


def _said(repeated: _Repeated, recipient: str, log: MailLog) -> Iterator[str]:
    """Yield what Postfix itself says of it; not every queue manager says something."""
    since, until = repeated.done - SECOND, repeated.again
    lines = (line for line in log.put_off(repeated.queue_id, recipient) if since <= line.time <= until)
    return (line.whole for line in lines if any(word in line.text for word in _WORDS))


def made(queue_id: str) -> float:
    """Return when a queue file was made, from its long queue id."""
    seconds, micros = queue_id[:_SECONDS], queue_id[_SECONDS : _SECONDS + 4]
    return _number(seconds) + _number(micros) / 1e6


def _number(digits: str) -> int:
    total = 0
    for digit in digits:
        total = total * len(_DIGITS) + _DIGITS.index(digit)
    return total


def _repeated(first: Arrival, second: Arrival, log: MailLog) -> _Repeated | None:
    recipient = first.delivered_to
    if first.queue_id == second.queue_id:
        noted = log.noted(first.queue_id, recipient)
        # Two copies and two lines: the first line is of the first copy. One line: it is of the last.
        return _Repeated(
            "out", first.queue_id, first.queue_id, first.time, first.time + AT_ONCE, second.time, noted[:-1]
        )
    source = log.source(first.queue_id)
    if not source or source != log.source(second.queue_id):
        return None
    one, other = sorted((first.queue_id, second.queue_id), key=made)
    noted = [line for line in log.noted(source, recipient) if f"queued as {one})" in line.text]
    queued = [line.time + SECOND for line in log.of(one) if line.text.endswith("(queue active)")]
    marked = max([made(one), *queued[:1]]) + AT_ONCE
    return _Repeated("split", source, one, made(one), marked, made(other), noted)


def _deliverers(repeated: _Repeated, log: MailLog, kills: Sequence[Kill]) -> Iterator[Kill]:
    """Yield the kills that kept a delivery from being marked: surest first, then nearest."""
    until = min(repeated.marked, repeated.again)
    after = [kill for kill in kills if repeated.done <= kill.time <= until]
    if repeated.hop == "out":
        before = [kill for kill in kills if repeated.done - BEFORE <= kill.time < repeated.done]
        yield from (kill for kill in (*after, *reversed(before)) if kill.kind == "smtp")
        return
    takers = {line.pid for line in log.of(repeated.first)}
    yield from (kill for kill in after if kill.kind in TAKERS and kill.pid in takers)
    yield from (kill for kill in after if kill.kind == "split")


def _queue_managers(
    repeated: _Repeated, noted: Sequence[Line], log: MailLog, kills: Sequence[Kill]
) -> Iterator[Kill]:
    """Yield the kills of queue managers that had this delivery in hand."""
    begun = log.of(repeated.queue_id)[0].time
    until = min(repeated.again, noted[0].time + SECOND)
    return (kill for kill in kills if kill.kind == "qmgr" and begun <= kill.time <= until)
