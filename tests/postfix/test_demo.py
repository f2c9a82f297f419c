import copy

import pytest

from estafeta_postfix import demo
from estafeta_testing.sandbox import Sandbox


def test_an_expectation_that_is_not_met_is_counted_and_shown() -> None:
    said: list[str] = []
    report = demo.Report(said.append)
    assert report.check(True, "this is so")
    assert not report.check(False, "that is so", "something else")
    assert report.failures == 1
    assert said == ["  ✓ this is so", "  ✗ that is so; found: something else"]


def test_a_key_that_is_refused_fails_the_demonstration(sandbox: Sandbox) -> None:
    description = copy.deepcopy(sandbox.description)
    description["credentials"][0]["password"] = "wrong"
    said: list[str] = []
    assert demo.run(description, said.append) == 1
    assert "✗" in "\n".join(said)


def test_a_message_that_does_not_arrive_fails_the_demonstration(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "RECIPIENT", "bounce@example.com")
    monkeypatch.setattr(demo, "PATIENCE", 2.0)
    said: list[str] = []
    assert demo.run(sandbox.description, said.append) == 1
    assert any(line.startswith("  ✗ one message for bounce@example.com") for line in said)


def test_the_message_is_as_a_client_of_sparkpost_sends_it() -> None:
    message = demo.message()
    assert '"open_tracking": true' in message["X-MSYS-API"]
    assert demo.TARGET in message.get_body(("plain",)).get_content()  # type: ignore[union-attr] # there is one
