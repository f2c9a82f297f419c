"""Answers held for a second, so that busy clients are asked about once a second and not each time."""

from collections.abc import Hashable
from typing import Generic, TypeVar

HOLDS = 1.0  # seconds; also how late a credential's expiry may be felt
MAX_HELD = 20_000  # a few MB

Value = TypeVar("Value")


class Held(Generic[Value]):
    """What is held for one configuration.

    A holder lives as long as one configuration: a reload begins with nothing held.
    """

    def __init__(self) -> None:
        self._held: dict[Hashable, tuple[float, Value]] = {}

    def get(self, key: Hashable, now: float) -> Value | None:
        """Return what is held under `key`, if it still counts at `now`."""
        held = self._held.get(key)
        return held[1] if held is not None and now < held[0] else None

    def put(self, key: Hashable, value: Value, now: float) -> Value:
        """Hold `value` from `now` on, and return it."""
        if len(self._held) >= MAX_HELD:
            self._held.clear()
        self._held[key] = (now + HOLDS, value)
        return value

    def __len__(self) -> int:
        return len(self._held)
