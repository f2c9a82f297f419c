import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from estafeta_core.store import open_store
from estafeta_core.store.rows import Group, GroupContact

Run = Callable[..., Result]


@pytest.fixture
def grouped(filled: Path) -> Path:
    """Two groups: of the message of acme, and of a transaction of another account without one."""
    with contextlib.closing(open_store(f"sqlite:///{filled.parent}/estafeta.db")) as store:
        store.record(
            [
                Group(300, "acme", "SMTP 2026-11-20 13:52:35", 100, 1_795_182_755_174),
                GroupContact(300, "b@example.com"),
                GroupContact(300, "a@example.com"),
                Group(400, "other", "SMTP 2026-11-20 13:59:59", None, 1_795_183_199_000),
                GroupContact(400, "c\x1b[2J@example.com"),
            ]
        )
    return filled


def test_t45_groups_are_listed_with_their_mark_their_send_and_their_size(run: Run, grouped: Path) -> None:
    done = run("group", "list", "--json")
    assert done.exit_code == 0, done.output
    first, second = map(json.loads, done.output.splitlines())
    assert first == {
        "group_id": "300",
        "name": "SMTP 2026-11-20 13:52:35",
        "account": "acme",
        "transmission_id": "100",
        "created": "2026-11-20T13:52:35.174Z",
        "contacts": 2,
    }
    assert (second["group_id"], second["transmission_id"]) == ("400", None)


def test_a_person_gets_a_table(run: Run, grouped: Path) -> None:
    head, first, second = run("group", "list").output.splitlines()
    assert " ".join(head.split()) == "TIME GROUP NAME ACCOUNT CONTACTS SEND"
    assert " ".join(first.split()[2:]) == "300 SMTP 2026-11-20 13:52:35 acme 2 100"
    assert second.split()[-1] == "-"
    assert len(run("group", "list", "--account", "acme").output.splitlines()) == 2


@pytest.mark.parametrize("id_text", ["300", "100", "4jQueue100"])
def test_t45_a_group_is_shown_by_its_id_and_by_its_sends(run: Run, grouped: Path, id_text: str) -> None:
    done = run("group", "show", id_text)
    assert done.exit_code == 0
    assert done.output.splitlines() == [
        "group 300: SMTP 2026-11-20 13:52:35 (acme)",
        "  a@example.com",
        "  b@example.com",
    ]
    said = json.loads(run("group", "show", id_text, "--json").output)
    assert said["addresses"] == ["a@example.com", "b@example.com"]
    assert said["group_id"] == "300"


def test_what_strangers_wrote_does_not_steer_the_terminal(run: Run, grouped: Path) -> None:
    assert "\x1b" not in run("group", "show", "400").output


@pytest.mark.parametrize("id_text", ["500", "200", "4jNobody", ""])
def test_an_id_without_a_group_is_told(run: Run, grouped: Path, id_text: str) -> None:
    done = run("group", "show", id_text)
    assert "no group" in str(done.exception)
