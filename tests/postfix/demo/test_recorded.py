import dataclasses

import pytest

from estafeta_postfix.demo import recorded
from estafeta_postfix.demo.perfit import PERFIT, RECIPIENT
from estafeta_postfix.demo.report import Report
from estafeta_testing.sandbox import Sandbox, queue_id

FROM = b"From: yo@midominio.example\r\n\r\nHola\r\n"


@pytest.fixture
def sent(sandbox: Sandbox) -> str:
    """The queue id of a message to the scenario's recipient."""
    with sandbox.login("micuenta/main", "perfit-2525") as client:
        client.mail("yo@midominio.example")
        client.rcpt(RECIPIENT)
        return queue_id(client.data(FROM)[1])


def test_events_are_waited_for_and_noted_one_by_one(
    sandbox: Sandbox, sent: str, report: Report, said: list[str]
) -> None:
    expected = {RECIPIENT: frozenset({"injection", "delivery"})}
    scenario = dataclasses.replace(PERFIT, events=expected)
    recorded.check(sandbox.description, scenario, sent, report)
    assert said == [f"  ✓ {RECIPIENT}: delivery", f"  ✓ {RECIPIENT}: injection"]


def test_an_event_that_does_not_come_is_a_failure(
    sandbox: Sandbox, sent: str, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "PATIENCE", 1.0)
    scenario = dataclasses.replace(PERFIT, events={RECIPIENT: frozenset({"click"})})
    recorded.check(sandbox.description, scenario, sent, report)
    assert report.failures == 1


def test_what_is_listed_is_looked_up(sandbox: Sandbox, sent: str, report: Report, said: list[str]) -> None:
    scenario = dataclasses.replace(PERFIT, events={}, listed=("send", "group"))
    recorded.check(sandbox.description, scenario, sent, report)
    assert said[0] == "  ✓ `estafeta send list` shows it"
    assert said[1].startswith("  ✗ `estafeta group list` shows it")  # Perfit keeps no contacts


def test_what_show_says_is_shown(sandbox: Sandbox, sent: str) -> None:
    assert RECIPIENT in recorded.show(sandbox.description, sent)
    assert "4jNobody" in recorded.show(sandbox.description, "4jNobody")
