import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from estafeta_core.hosting import Shelf
from estafeta_core.store import open_store
from estafeta_core.store.rows import Content

Run = Callable[..., Result]

HTML = "<p>año \x1b[2J</p>\r\n".encode("latin-1")


@pytest.fixture
def kept(filled: Path) -> Path:
    """The HTML of acme's message, and that of another's, whose file is gone."""
    (filled.parent / "state").mkdir()
    digest = Shelf(filled.parent / "state").keep(HTML)
    with contextlib.closing(open_store(f"sqlite:///{filled.parent}/estafeta.db")) as store:
        store.record(
            [
                Content(100, 101, "acme", digest, "iso-8859-1", 1_795_182_755_174),
                Content(200, 201, "other", "0" * 64, "", 1_795_183_199_000),
                Content(201, 202, "other", "0" * 64, "", 1_795_183_199_000),
            ]
        )
    return filled


def test_t47_contents_are_listed_with_their_mark_and_their_send(run: Run, kept: Path) -> None:
    done = run("content", "list", "--json")
    assert done.exit_code == 0, done.output
    first, second, third = map(json.loads, done.output.splitlines())
    assert first == {
        "transmission_id": "100",
        "queue_id": "4jQueue100",
        "mark": "SMTP",
        "account": "acme",
        "created": "2026-11-20T13:52:35.174Z",
        "charset": "iso-8859-1",
        "sha256": first["sha256"],
        "subject": "Hello \x1b[31m red",
    }
    assert second["account"] == "other"
    assert third["queue_id"] is None


def test_a_person_gets_a_table(run: Run, kept: Path) -> None:
    head, first, second, _ = run("content", "list").output.splitlines()
    assert " ".join(head.split()) == "TIME SEND QUEUE ID MARK ACCOUNT CHARSET SUBJECT"
    assert " ".join(first.split()[2:7]) == "100 4jQueue100 SMTP acme iso-8859-1"
    assert second.split()[-1] == "-"
    assert len(run("content", "list", "--account", "acme").output.splitlines()) == 2


@pytest.mark.parametrize("id_text", ["100", "101", "102", "4jQueue100"])
def test_t47_a_content_is_printed_byte_for_byte_by_every_id_of_its_send(
    run: Run, kept: Path, id_text: str
) -> None:
    done = run("content", "show", id_text)
    assert done.exit_code == 0
    assert done.stdout_bytes == HTML


@pytest.mark.parametrize(
    ("id_text", "said"),
    [("200", "nothing is kept of this send"), ("4jNobody", "no transmission, message or")],
)
def test_what_is_not_there_is_told(run: Run, kept: Path, id_text: str, said: str) -> None:
    done = run("content", "show", id_text)
    assert done.stdout_bytes == b""
    assert said in str(done.exception)
