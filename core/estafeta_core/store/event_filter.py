"""Which events are asked for, and the same in SQL.

Every filter is a list of values, any of which will do; None asks for everything, an empty list finds nothing.
In SQL each is one parameter, a JSON array or NULL, whose number follows from its place in `EventFilter`, so
one statement serves all combinations and nothing of what is asked for ever stands in its text.

Patterns are LIKE's: made by `pattern` from what people write, with `*` for anything, and compared without
regard to the case of ASCII letters.
"""

import json
from collections.abc import Callable
from dataclasses import astuple, dataclass, fields
from functools import partial

FIRST = 7  # the parameters before it are the statement's own


@dataclass(frozen=True, slots=True)
class EventFilter:
    """What an event, its message and its transmission must be."""

    types: tuple[str, ...] | None = None
    subaccounts: tuple[str, ...] | None = None  # "" is what is no subaccount's
    bounce_classes: tuple[str, ...] | None = None
    reasons: tuple[str, ...] | None = None  # patterns
    ip_pools: tuple[str, ...] | None = None
    messages: tuple[int, ...] | None = None  # message ids
    recipients: tuple[str, ...] | None = None  # in the form of addresses.mailbox_key
    recipient_domains: tuple[str, ...] | None = None  # patterns
    campaigns: tuple[str, ...] | None = None  # patterns
    subjects: tuple[str, ...] | None = None  # patterns
    from_addresses: tuple[str, ...] | None = None  # patterns
    sending_domains: tuple[str, ...] | None = None  # patterns

    def parameters(self) -> list[str | None]:
        """Return the values for the statement."""
        return [None if values is None else json.dumps(values) for values in astuple(self)]


EVERYTHING = EventFilter()


def pattern(text: str) -> str:
    r"""Return LIKE's pattern for a text in which `*` stands for anything; `\` is its escape."""
    for sign in "\\%_":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("*", "%")


_NUMBER = {field.name: f"?{number}" for number, field in enumerate(fields(EventFilter), FIRST)}


def _one_of(name: str, column: str, value: str = "value") -> str:
    return f"{column} IN (SELECT {value} FROM json_each({_NUMBER[name]}))"  # noqa: S608 - constants


def _like(name: str, column: str, before: str = "") -> str:
    wanted = f"{before} || p.value" if before else "p.value"
    condition = f"{column} LIKE {wanted} ESCAPE '\\'"
    return f"EXISTS (SELECT 1 FROM json_each({_NUMBER[name]}) p WHERE {condition})"  # noqa: S608 - likewise


def _of_message(condition: Callable[[str], str]) -> str:
    own = f"mm.message_id = e.message_id AND {condition('mm.rcpt_to')}"
    found = f"EXISTS (SELECT 1 FROM messages mm WHERE {own})"  # noqa: S608 - likewise
    return f"({found} OR {_of_refused(condition, 'rcpt_to')})"


def _of_transmission(condition: Callable[[str], str], column: str) -> str:
    own = f"tt.transmission_id = e.transmission_id AND {condition(f'tt.{column}')}"
    found = f"EXISTS (SELECT 1 FROM transmissions tt WHERE {own})"  # noqa: S608 - likewise
    return f"({found} OR {_of_refused(condition, column)})"


def _of_refused(condition: Callable[[str], str], column: str) -> str:
    """Return the same of a message that was never taken in: all that is known of it stands in its events."""
    told = f"json_extract(e.data, '$.{column}')"
    return f"(e.type = 'policy_rejection' AND e.message_id IS NULL AND {condition(told)})"


_CONDITIONS = {
    "types": _one_of("types", "e.type"),
    "subaccounts": _one_of("subaccounts", "coalesce(e.subaccount, '')"),
    "bounce_classes": _one_of("bounce_classes", "json_extract(e.data, '$.bounce_class')"),
    "reasons": _like("reasons", "json_extract(e.data, '$.reason')"),
    "ip_pools": _one_of("ip_pools", "json_extract(e.data, '$.ip_pool')"),
    "messages": _one_of("messages", "e.message_id", "CAST(value AS BIGINT)"),
    "recipients": _of_message(partial(_one_of, "recipients")),
    "recipient_domains": _of_message(partial(_like, "recipient_domains", before="'%@'")),
    "campaigns": _of_transmission(partial(_like, "campaigns"), "campaign_id"),
    "subjects": _of_transmission(partial(_like, "subjects"), "subject"),
    "from_addresses": _of_transmission(partial(_like, "from_addresses"), "friendly_from"),
    "sending_domains": _of_transmission(partial(_like, "sending_domains", before="'%@'"), "friendly_from"),
}

# True of an event `e` that the filter lets through; what is not asked for costs one look at a NULL.
MATCHES = "\n        AND ".join(
    f"({_NUMBER[name]} IS NULL OR {condition})" for name, condition in _CONDITIONS.items()
)
