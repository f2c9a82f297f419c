import copy
import dataclasses

import pytest

from estafeta_postfix.demo import recorded
from estafeta_postfix.demo.emitlo import EMITLO
from estafeta_postfix.demo.run import run
from estafeta_postfix.demo.sparkpost import SPARKPOST
from estafeta_testing.sandbox import Sandbox


def test_a_scenario_that_goes_well_has_no_failures(sandbox: Sandbox) -> None:
    said: list[str] = []
    assert run(sandbox.description, said.append, [SPARKPOST, EMITLO]) == 0
    text = "\n".join(said)
    assert text.index("A SparkPost client") < text.index("An Emitlo client")
    assert "--- the message as it left ---" in text


def test_one_scenario_that_fails_does_not_keep_the_others_from_running(sandbox: Sandbox) -> None:
    description = copy.deepcopy(sandbox.description)
    next(each for each in description["credentials"] if each["id"] == "acme/main")["password"] = "wrong"
    said: list[str] = []
    assert run(description, said.append, [SPARKPOST, EMITLO]) == 1
    assert any(line.startswith("  ✓ AUTH PLAIN") for line in said)


def test_a_message_that_does_not_arrive_is_a_failure(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "PATIENCE", 2.0)
    bounced = dataclasses.replace(SPARKPOST, recipients=("bounce@example.com",))
    said: list[str] = []
    assert run(sandbox.description, said.append, [bounced]) == 1
    assert any(line.startswith("  ✗ one message in ") for line in said)
