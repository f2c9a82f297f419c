"""Every row of the release tier by name: what it is, and what runs it."""

from collections.abc import Callable
from dataclasses import dataclass

from estafeta_soak import endurance
from estafeta_soak.step import Plan, Row


@dataclass(frozen=True, slots=True)
class Step:
    """One row."""

    name: str
    title: str
    run: Callable[[Plan, Row], None]


STEPS = {
    step.name: step
    for step in (Step("R5", "endurance: an hour of mail, clicks and webhooks", endurance.run),)
}
