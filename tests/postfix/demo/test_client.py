import copy
import dataclasses

import pytest

from estafeta_postfix.demo import client
from estafeta_postfix.demo.devino import DEVINO
from estafeta_postfix.demo.emitlo import EMITLO
from estafeta_postfix.demo.perfit import PERFIT
from estafeta_postfix.demo.report import Report
from estafeta_postfix.demo.scenario import Scenario
from estafeta_testing.sandbox import Sandbox


@pytest.mark.parametrize("scenario", [PERFIT, EMITLO, dataclasses.replace(DEVINO, port=465)])
def test_a_message_goes_in_over_every_kind_of_connection(
    sandbox: Sandbox, report: Report, said: list[str], scenario: Scenario
) -> None:
    queue_id = client.send(sandbox.description, scenario, report)
    assert report.failures == 0, said
    assert len(queue_id) > 10


@pytest.mark.parametrize("scenario", [PERFIT, EMITLO])
def test_a_key_that_is_refused_is_one_failure(
    sandbox: Sandbox, report: Report, said: list[str], scenario: Scenario
) -> None:
    description = copy.deepcopy(sandbox.description)
    for credential in description["credentials"]:
        credential["password"] = "wrong"
    assert client.send(description, scenario, report) == ""
    assert report.failures == 1
    assert "535" in said[-1]


def test_nobody_there_is_one_failure(sandbox: Sandbox, report: Report) -> None:
    description = copy.deepcopy(sandbox.description)
    for listener in description["listeners"]:
        listener["port"] = 9
    assert client.send(description, PERFIT, report) == ""
    assert report.failures == 1
