"""The checks, in the order in which they are told; read the questions aloud."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from estafeta_postfix.checks import accounts, configuration, dkim_keys
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.setup import Setup


@dataclass(frozen=True, slots=True)
class Check:
    """One question, and where it is answered."""

    name: str  # that of its file
    question: str
    look: Callable[[Setup], Iterable[Finding]]
    seconds: float = 10.0  # it may take; what it has found until then counts
    asks_dns: bool = False  # left out with --offline


CHECKS = (
    Check("configuration", "Can estafeta.yaml be used, and is it meant so?", configuration.look),
    Check("accounts", "Can every account file be used, and can its mail go?", accounts.look),
    Check("dkim_keys", "Is there a key in every file that DKIM is to sign with?", dkim_keys.look, 30.0),
)
