"""Every row of the release tier by name: what it is, and what runs it."""

from collections.abc import Callable
from dataclasses import dataclass

from estafeta_soak import endurance, kills, latency, overload, restarts
from estafeta_soak.step import Plan, Row


@dataclass(frozen=True, slots=True)
class Step:
    """One row."""

    name: str
    title: str
    run: Callable[[Plan, Row], None]


STEPS = {
    step.name: step
    for step in (
        Step("R1", "kill -9 of everything at random", kills.run),
        Step("R5", "an hour of mail, clicks and webhooks", endurance.run),
        Step("R6", "latency behind the final dot", latency.run),
        Step("R8", "overload, and back", overload.run),
        Step("R11", "restarts and reloads under load", restarts.run),
    )
}
