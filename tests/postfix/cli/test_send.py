import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


def listed(done: Result) -> list[dict[str, object]]:
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.output.splitlines()]


def test_t46_sends_are_listed_with_their_mark_and_what_recipients_did(run: Run, filled: Path) -> None:
    first, second = listed(run("send", "list", "--json"))
    assert first == {
        "transmission_id": "100",
        "queue_id": "4jQueue100",
        "mark": "SMTP",
        "account": "acme",
        "injection_time": "2026-11-20T13:52:35.174Z",
        "subject": "Hello \x1b[31m red",
        "recipients": 2,
        "opened": 0,  # by somebody, but the pixel was shared
        "clicked": 1,
    }
    assert (second["transmission_id"], second["recipients"]) == ("200", 1)


def test_a_person_gets_a_table(run: Run, filled: Path) -> None:
    head, first, _ = run("send", "list").output.splitlines()
    assert " ".join(head.split()) == "TIME SEND QUEUE ID MARK ACCOUNT RCPT OPENED CLICKED SUBJECT"
    assert " ".join(first.split()[2:]) == "100 4jQueue100 SMTP acme 2 0 1 Hello \\x1b[31m red"
    assert "\x1b" not in first


def test_sends_of_one_account_and_the_newest_so_many(run: Run, filled: Path) -> None:
    assert [
        each["transmission_id"] for each in listed(run("send", "list", "--json", "--account", "acme"))
    ] == ["100"]
    assert [each["transmission_id"] for each in listed(run("send", "list", "--json", "--limit", "1"))] == [
        "200"
    ]


@pytest.mark.parametrize("id_text", ["100", "4jQueue100"])
def test_t42_a_send_is_shown_by_its_id_and_by_its_queue_id(run: Run, filled: Path, id_text: str) -> None:
    done = run("send", "show", id_text)
    assert done.exit_code == 0
    assert done.output == run("show", id_text).output
