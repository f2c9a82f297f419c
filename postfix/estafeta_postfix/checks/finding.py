"""What a check has found."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from estafeta_core.config.advice import Advice
from estafeta_core.config.document import ConfigError

# error: mail is refused, or lost sight of, or anybody's; warning: it will be; note: it should be known
Severity = Literal["error", "warning", "note"]

MEND = "mend it, and check again"
_PLACE = re.compile(r"(?P<subject>\S+?(?::\d+)?): (?P<text>.*)", re.DOTALL)
_HINT = re.compile(r"(?P<reason>.*?) \((?P<remedy>.*)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    severity: Severity
    code: str  # stable, lower case with hyphens: what monitoring may rely on
    subject: str  # what it is about: a file with its line, a socket, a listener, a domain
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.subject}: {self.reason}"


def of_error(code: str, error: ConfigError) -> Finding:
    """Return what a ConfigError tells: its place, and its hint in brackets as the remedy."""
    found = _PLACE.fullmatch(str(error))
    subject, text = (found["subject"], found["text"]) if found else ("configuration", str(error))
    return Finding("error", code, subject, *_divided(text))


def of_advice(code: str, advice: Iterable[Advice]) -> list[Finding]:
    """Return a warning for each piece of advice, a note where it is mostly meant so."""
    return [
        Finding(
            "note" if each.harmless else "warning",
            code,
            f"{each.path}:{each.line}",
            *_divided(f"{each.key}: {each.text}"),
        )
        for each in advice
    ]


def _divided(text: str) -> tuple[str, str]:
    hint = _HINT.fullmatch(text)
    return (hint["reason"], hint["remedy"]) if hint else (text, MEND)
