"""`estafeta erase` asks, does it, and says what it did."""

import contextlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from estafeta_core.hosting import Shelf
from estafeta_core.store import open_store
from estafeta_core.store.rows import Content, File, Message
from estafeta_postfix.cli import estafeta
from estafeta_testing.stored import make_rows

Run = Callable[..., Result]


@pytest.fixture
def hosted(config: Path) -> str:
    """A store with a message to alice@example.net, and the digest of the web version made for her."""
    shelf = Shelf(config.parent / "state")
    (config.parent / "state").mkdir()
    digest = shelf.keep(b"Dear Alice")
    then = time.time() - 1000
    os.utime(config.parent / "state" / "hosted" / digest[:2] / digest, (then, then))
    rows = make_rows("Alice@example.net")
    message = rows[1]
    assert isinstance(message, Message)
    content = Content(message.transmission_id, message.message_id, "acme", digest, "", 1)
    with contextlib.closing(open_store(f"sqlite:///{config.parent}/estafeta.db")) as store:
        store.record([*rows, File("acme", digest, 10, 1), content])
    return digest


def test_it_says_what_it_erased_and_the_web_version_is_gone_from_the_disk(
    run: Run, config: Path, hosted: str
) -> None:
    said = run("erase", "alice@EXAMPLE.net", "--yes", "--json")
    assert said.exit_code == 0, said.output
    answer = json.loads(said.stdout)
    assert answer["files_removed_later"] == 0
    assert {part: number for part, number in answer["erased"].items() if number} == {
        "messages": 1,
        "events": 1,
        "contents": 1,
    }
    assert Shelf(config.parent / "state").read(hosted) is None
    again = run("erase", "alice@example.net", "--yes")
    assert (again.exit_code, again.stdout) == (0, "nothing was found\n")


def test_it_asks_first_and_no_is_the_answer_of_whoever_says_nothing(config: Path, hosted: str) -> None:
    said = CliRunner().invoke(estafeta, ["--config", str(config), "erase", "alice@example.net"], input="\n")
    assert isinstance(said.exception, Exception)
    assert str(said.exception) == "nothing was erased"
    assert Shelf(config.parent / "state").read(hosted) == b"Dear Alice"


def test_a_version_sent_just_now_goes_with_the_next_clearing(run: Run, config: Path, hosted: str) -> None:
    Shelf(config.parent / "state").keep(b"Dear Alice")
    said = run("erase", "alice@example.net", "--yes", "--json")
    assert json.loads(said.stdout)["files_removed_later"] == 1


def test_another_account_is_left_alone(run: Run, hosted: str) -> None:
    said = run("erase", "alice@example.net", "--account", "other", "--yes")
    assert said.stdout == "nothing was found\n"


@pytest.mark.parametrize("text", ["alice", "@example.net", "alice@"])
def test_what_is_no_address_is_told(run: Run, hosted: str, text: str) -> None:
    assert str(run("erase", text, "--yes").exception) == f"{text}: not an address"
