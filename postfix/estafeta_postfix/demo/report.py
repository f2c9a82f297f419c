"""What was expected and whether it was so."""

from collections.abc import Callable
from dataclasses import dataclass

PATIENCE = 15.0  # seconds for what takes well under one on an idle machine


@dataclass(slots=True)
class Report:
    """A line for each expectation, and how many were not met."""

    say: Callable[[str], None]
    failures: int = 0

    def check(self, ok: bool, expected: str, found: object = "") -> bool:
        """Note one expectation; `found` is shown when it was not met."""
        self.failures += not ok
        self.say(f"  ✓ {expected}" if ok else f"  ✗ {expected}; found: {found!s:.500}")
        return ok
