import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


@pytest.mark.parametrize("id_text", ["100", "101", "102", "4jQueue100"])
def test_a_transmission_is_found_by_each_of_its_ids(run: Run, filled: Path, id_text: str) -> None:
    done = run("show", id_text)
    assert done.exit_code == 0
    assert "transmission 100, queue id 4jQueue100" in done.output


def test_the_timeline_tells_each_recipients_story_in_order(run: Run, filled: Path) -> None:
    lines = run("show", "100").output.splitlines()
    kinds = [line.split()[2] for line in lines if line.startswith("  2026-")]
    assert kinds == ["open", "injection", "delivery", "click", "injection", "bounce"]
    assert "all recipients" in lines
    assert any(line.startswith("b@example.com (cc)") for line in lines)
    assert any("acme/main/123 through sparkpost-587" in line for line in lines)
    assert any("550 5.1.1 No" in line for line in lines)


def test_what_strangers_wrote_does_not_steer_the_terminal(run: Run, filled: Path) -> None:
    output = run("show", "100").output
    assert "\x1b" not in output
    assert "Hello \\x1b[31m red" in output
    assert "välue" in output


def test_json_is_one_object_with_events_of_the_api(run: Run, filled: Path) -> None:
    said = json.loads(run("show", "4jQueue100", "--json").output)
    assert said["transmission_id"] == "100"
    assert said["subaccount_id"] == "123"
    assert [message["rcpt_to"] for message in said["messages"]] == ["a@example.com", "b@example.com"]
    kinds = [event["type"] for event in said["events"]]
    assert kinds == ["injection", "injection", "delivery", "bounce", "click", "open"]
    assert said["events"][2]["queue_time"] == "420"


@pytest.mark.parametrize("command", [("show", "100"), ("events",), ("send", "list")])
def test_json_of_every_command_holds_only_what_prints(
    run: Run, filled: Path, command: tuple[str, ...]
) -> None:
    output = run(*command, "--json").output
    assert r"\u00" in output
    assert all(line.isprintable() for line in output.split("\n"))


def test_an_unknown_id_is_told(run: Run, filled: Path) -> None:
    done = run("show", "4jNobody")
    assert done.exception is not None
    assert "4jNobody: no transmission" in str(done.exception)
