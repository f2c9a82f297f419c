import io
import logging
import os

import pytest

from estafeta_core import logs
from estafeta_policy import journal
from estafeta_policy.journal import Journal


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    return written


@pytest.fixture
def lines(stream: io.StringIO) -> Journal:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logs.setup("sasl")
    handler = root.handlers[0]
    root.handlers[:], root.level = before, level
    return Journal(handler, stream)


def test_lines_have_the_form_of_every_other_record(lines: Journal, stream: io.StringIO) -> None:
    assert lines.add("acme/main: logged in")
    assert not lines.add("acme/other: refused")
    assert stream.getvalue() == ""
    lines.flush()
    prefix = f"estafeta/sasl[{os.getpid()}]: info: "
    assert stream.getvalue() == f"{prefix}acme/main: logged in\n{prefix}acme/other: refused\n"
    assert lines.add("the next batch")


def test_what_a_client_sent_stays_on_one_line_of_bounded_length(lines: Journal, stream: io.StringIO) -> None:
    lines.add("user\nestafeta/sasl[1]: info: forged\x1b[2J\u2028\udcff")
    lines.add("x" * 100_000)
    lines.flush()
    forged, long, rest = stream.getvalue().split("\n")
    assert "user\\nestafeta/sasl[1]: info: forged\\x1b[2J\\u2028\\udcff" in forged
    assert len(long) == logs.RECORD_LIMIT
    assert rest == ""


def test_the_journal_does_not_grow_without_bound(
    lines: Journal, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MAX_LINES", 3)
    for number in range(7):
        lines.add(str(number))
    assert stream.getvalue().count("\n") == 6


def test_a_log_that_cannot_be_written_stops_nobody(lines: Journal, stream: io.StringIO) -> None:
    stream.close()
    lines.add("acme/main: logged in")
    lines.flush()
    assert lines.add("and on it goes")
