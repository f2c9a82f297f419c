import threading
from collections.abc import Iterator

from estafeta_core.config.document import ConfigError
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.run import run
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.checks.table import Check

FOUND = Finding("warning", "x", "here", "why", "mend")


def plain(_setup: Setup) -> Iterator[Finding]:
    yield FOUND


def failing(_setup: Setup) -> Iterator[Finding]:
    yield FOUND
    raise RuntimeError("oh")


def unreadable(_setup: Setup) -> Iterator[Finding]:
    raise ConfigError("/e/a.yaml:1: no (yes)")


def test_a_check_that_fails_hides_neither_its_findings_nor_those_of_others(setup: Setup) -> None:
    told = run(setup, [Check("first", "?", failing), Check("second", "?", lambda _: [FOUND, FOUND])])
    assert [found.code for found in told[0].findings] == ["x", "check-failed"]
    assert "RuntimeError: oh" in told[0].findings[1].reason
    assert told[1].findings == [], "told by the first already"


def test_what_hangs_is_left_behind_and_told(setup: Setup) -> None:
    never = threading.Event()

    def hanging(_setup: Setup) -> Iterator[Finding]:
        yield FOUND
        never.wait(60)

    told = run(setup, [Check("slow", "?", hanging, seconds=0.3), Check("quick", "?", plain)])
    never.set()
    assert [found.code for found in told[0].findings] == ["x", "check-late"]
    assert "--only slow" in told[0].findings[1].remedy


def test_a_configuration_that_nobody_can_read_is_told_once(setup: Setup) -> None:
    told = run(setup, [Check("one", "?", unreadable), Check("two", "?", unreadable)])
    assert [each.findings for each in told] == [
        [Finding("error", "configuration", "/e/a.yaml:1", "no", "yes")],
        [],
    ]
