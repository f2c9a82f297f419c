"""What is wanted of an instance: our part of main.cf and of master.cf, and the tables.

main.cf gets nothing but what Postfix reads there alone, settings of the queue manager: each stands in
`PARAMETERS` with its reason. One that the operator has set well enough is left as it is; one that the
operator has set otherwise is a conflict (conflicts.py). Raises RenderError.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from estafeta_core.config.schema import Config
from estafeta_postfix.install.facts import Facts
from estafeta_postfix.install.parts import Ours
from estafeta_postfix.render.main_cf import READ_AT_ONCE, SPLIT
from estafeta_postfix.render.place import Ways
from estafeta_postfix.render.service import Service
from estafeta_postfix.render.shared import NAMES, Operator, services
from estafeta_postfix.render.tables import tables

FOLLOWERS = ("mime_header_checks", "nested_header_checks")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A setting that only main.cf can hold."""

    name: str
    value: str
    reason: str
    enough: Callable[[str], bool]  # whether a value of the operator's serves as well


def _same(value: str) -> Callable[[str], bool]:
    return lambda other: other == value


def _at_least(number: int) -> Callable[[str], bool]:
    return lambda other: other.isdecimal() and int(other) >= number


PARAMETERS = (
    Parameter(
        "qmgr_message_recipient_minimum",
        str(READ_AT_ONCE),
        "with fewer the queue manager, when busy, misses the route of a message whose copies differ",
        _at_least(READ_AT_ONCE),
    ),
    Parameter(
        f"{SPLIT}_destination_recipient_limit",
        "1",
        "one copy for each recipient",
        _same("1"),
    ),
    Parameter(
        f"{SPLIT}_destination_concurrency_failed_cohort_limit",
        "0",
        "what one recipient's copy has to wait for says nothing about the next",
        _same("0"),
    ),
    Parameter(
        f"{SPLIT}_destination_concurrency_limit",
        "20",
        "Postfix's own default, whatever default_destination_concurrency_limit says",
        _at_least(1),
    ),
    *(
        Parameter(
            f"{SPLIT}_{what}_rate_delay",
            "0s",
            f"no waiting inside this host, whatever default_{what}_rate_delay says",
            _same("0s"),
        )
        for what in ("destination", "transport")
    ),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Everything of ours."""

    main_cf: Ours
    master_cf: Ours
    tables: dict[str, str]  # text by name, in the folder of our tables


def wanted(config: Config, facts: Facts) -> Wanted:
    """Return our parts for an instance."""
    return Wanted(
        Ours("".join(_parameters(facts))),
        Ours("".join(map(str, wanted_services(config, facts))), hook=True),
        tables(config),
    )


def _parameters(facts: Facts) -> Iterator[str]:
    for each in PARAMETERS:
        if each.name not in facts.own:
            yield f"# {each.reason}\n{each.name} = {each.value}\n"


def wanted_services(config: Config, facts: Facts) -> list[Service]:
    """Return our services."""
    cleanup = facts.service("cleanup") or Service("cleanup", "cleanup", private="n", process_limit="0")
    said = {**facts.own, **cleanup.options}
    checks = said.get("header_checks", "")
    return services(
        config,
        Operator(
            Ways(config.delivery_port, facts.values["relayhost"]),
            cleanup,
            {name: facts.values[name] for name in NAMES},
            header_checks=checks,
            followers={name: checks for name in FOLLOWERS if name not in said},
            smtp_header_checks=facts.own.get("smtp_header_checks", ""),
        ),
    )
