import io
import json
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
    formatter = logs.setup("sasl")
    root.handlers[:], root.level = before, level
    return Journal(formatter, stream)


def test_lines_have_the_form_of_every_other_record(lines: Journal, stream: io.StringIO) -> None:
    assert lines.add("acme/main: logged in", {})
    assert not lines.add("acme/other: refused", {"client": "192.0.2.1"})
    assert stream.getvalue() == ""
    lines.flush()
    prefix = f"estafeta/sasl[{os.getpid()}]: info: "
    assert stream.getvalue() == f"{prefix}acme/main: logged in\n{prefix}acme/other: refused\n"
    assert lines.add("the next batch", {})


def test_what_a_client_sent_stays_on_one_line_of_bounded_length(lines: Journal, stream: io.StringIO) -> None:
    lines.add("user\nestafeta/sasl[1]: info: forged\x1b[2J\u2028\udcff", {})
    lines.add("x" * 100_000, {})
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
        lines.add(str(number), {})
    assert stream.getvalue().count("\n") == 6


def test_a_log_that_cannot_be_written_stops_nobody(lines: Journal, stream: io.StringIO) -> None:
    stream.close()
    lines.add("acme/main: logged in", {})
    lines.flush()
    assert lines.add("and on it goes", {})


def test_as_json_each_line_has_its_own_time_and_fields(stream: io.StringIO) -> None:
    lines = Journal(logs.Json("sasl"), stream)
    lines.add("acme/main[192.0.2.1]: logged in", {"identity": "acme/main", "client": "192.0.2.1"})
    lines.add("unknown: refused", {"identity": "", "client": "\x1b[2J"})
    lines.flush()
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["identity"], first["client"], first["role"]) == ("acme/main", "192.0.2.1", "sasl")
    assert "identity" not in second
    assert second["client"] == "\x1b[2J"
