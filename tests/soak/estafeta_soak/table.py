"""Every row of the release tier by name: what it is, and what runs it."""

from collections.abc import Callable
from dataclasses import dataclass

from estafeta_soak import (
    endurance,
    faults,
    kills,
    latency,
    malformed,
    overload,
    posting,
    programs,
    restarts,
    tracking,
    walks,
)
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
        Step("R2", "clicks and unsubscribes while web and worker are killed", tracking.run),
        Step("R3", "webhooks that are away, come and go; their sender killed", posting.run),
        Step("R4", "malformed input", malformed.run),
        Step("R5", "an hour of mail, clicks and webhooks", endurance.run),
        Step("R6", "latency behind the final dot", latency.run),
        Step("R8", "overload, and back", overload.run),
        Step("R9", "faults put in and lifted", faults.run),
        Step("R10", "the order of writes", programs.durable),
        Step("R11", "restarts and reloads under load", restarts.run),
        Step("R12", "every test there is, the table of attacks among them", programs.attacks),
        Step("R13", "what tools say of units, packages and branches", programs.static),
        Step("R14", "random walks through SMTP", walks.run),
    )
}
