"""Which deliveries went over TLS, line by line."""

import pytest

from estafeta_postfix.log_follower import connections
from estafeta_postfix.log_follower.connections import Connections
from estafeta_postfix.log_follower.parse import Delivery, Secured

A, B = ("mx1.example.com", "192.0.2.1"), ("mx2.example.com", "192.0.2.2")
NOWHERE = ("none", "")


def tls(host: tuple[str, str] = A, process: str = "p") -> Secured:
    return Secured("", process, *host)


def to(
    queue_id: str,
    recipient: str = "a",
    host: tuple[str, str] = A,
    *,
    process: str = "p",
    busy: float = 0,
    reused: bool = False,
) -> Delivery:
    fields = ("", queue_id, recipient, "", *host, 1.0, "2.0.0", "sent", "")
    return Delivery(*fields, process=process, busy=busy, reused=reused)


def said(*lines: Secured | Delivery, start: int = 100_000) -> list[bool | None]:
    """Return what is said of each delivery; lines come two seconds apart, behind one of another process."""
    known = Connections()
    known.over_tls(to("Q0", process="other"), start)
    moments = range(start + 2000, start + 2000 * len(lines) + 1, 2000)
    answers = []
    for line, moment in zip(lines, moments, strict=True):
        if isinstance(line, Secured):
            known.secured(line, moment)
        else:
            answers.append(known.over_tls(line, moment))
    return answers


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([tls(), to("Q1")], [True]),
        ([to("Q1")], [False]),
        ([tls(), to("Q1", "a"), to("Q1", "b"), to("Q1", "c")], [True, True, True]),
        ([tls(), to("Q1"), to("Q2")], [True, False]),
        ([tls(), to("Q1"), tls(), to("Q2")], [True, True]),
        ([to("Q1"), tls(), to("Q2")], [False, True]),
        ([tls(), to("Q1"), to("Q1")], [True, False]),  # tried again later, in clear
        ([tls(A), to("Q1", "a", A), tls(B), to("Q1", "b", B)], [True, True]),  # the second MX host
        ([tls(A), to("Q1", "a", A), to("Q1", "b", B)], [True, False]),
        ([tls(A), tls(B), to("Q1", "a", B)], [True]),
        ([tls(process="other"), to("Q1")], [False]),
        ([tls(process="q"), to("Q1"), to("Q2", process="q")], [False, True]),
        ([to("Q1", host=NOWHERE)], [None]),
        ([tls(), to("Q1", host=NOWHERE)], [None]),
        ([to("Q1", reused=True)], [None]),  # over a connection that another process has made
        ([tls(), to("Q1", reused=True)], [True]),
        ([to("Q1", busy=1.0)], [False]),
        ([to("Q1", busy=1.5)], [None]),  # it may have connected before the first line that was read
    ],
)
def test_a_line_belongs_to_the_request_behind_it(
    lines: list[Secured | Delivery], expected: list[bool | None]
) -> None:
    assert said(*lines) == expected


def test_nothing_is_said_of_what_began_before_the_log_was_read_from_here() -> None:
    known = Connections()
    assert known.over_tls(to("Q1"), 5000) is None
    assert known.over_tls(to("Q2"), 6000) is False
    known.secured(tls(), 7000)
    known.forget()
    assert known.over_tls(to("Q3"), 8000) is None


def test_a_line_that_was_read_is_known_however_early_it_came() -> None:
    known = Connections()
    known.secured(tls(), 5000)
    assert known.over_tls(to("Q1", busy=3), 5000) is True


def test_only_so_many_processes_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PROCESSES", 2)
    lines = (tls(process="a"), tls(process="b"), tls(process="c"))
    assert said(*lines, to("Q1", process="c"), to("Q2", process="a")) == [True, False]
