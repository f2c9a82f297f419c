from pathlib import Path

import pytest

from estafeta_core.config.advice import Advice
from estafeta_core.config.document import ConfigError
from estafeta_postfix.checks.finding import MEND, Finding, of_advice, of_error


@pytest.mark.parametrize(
    ("text", "subject", "reason", "remedy"),
    [
        (
            "/e/a.yaml:3: store: must be a file (write one)",
            "/e/a.yaml:3",
            "store: must be a file",
            "write one",
        ),
        ("/e/a.yaml:1: the file is empty", "/e/a.yaml:1", "the file is empty", MEND),
        ("/e/accounts.d: cannot be read", "/e/accounts.d", "cannot be read", MEND),
        ("something else", "configuration", "something else", MEND),
    ],
)
def test_the_hint_of_a_config_error_is_the_remedy(text: str, subject: str, reason: str, remedy: str) -> None:
    assert of_error("configuration", ConfigError(text)) == Finding(
        "error", "configuration", subject, reason, remedy
    )


@pytest.mark.parametrize(("meant", "severity"), [(False, "warning"), (True, "note")])
def test_advice_keeps_its_place(meant: bool, severity: str) -> None:
    (found,) = of_advice("account", [Advice(Path("/e/a.yaml"), 4, "senders", "unread (list them)", meant)])
    assert found == Finding(severity, "account", "/e/a.yaml:4", "senders: unread", "list them")  # type: ignore[arg-type]
    assert str(found) == f"{severity}: /e/a.yaml:4: senders: unread"
