from collections.abc import Callable

import pytest

from estafeta_postfix.demo.browser import Browser
from estafeta_postfix.demo.delivered import Delivered
from estafeta_postfix.demo.report import Report
from estafeta_postfix.demo.scenario import Scenario


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def report(said: list[str]) -> Report:
    return Report(said.append)


@pytest.fixture
def look_unchanged(said: list[str], report: Report) -> Callable[[Scenario], list[str]]:
    """Return a function that looks at a scenario's message as if it had been delivered as it was sent.

    It returns what was not as expected.
    """

    def look(scenario: Scenario) -> list[str]:
        scenario.look(Delivered(scenario.message().as_bytes()), Browser("http://127.0.0.1:9"), report)
        return [line.strip() for line in said if "✗" in line]

    return look
