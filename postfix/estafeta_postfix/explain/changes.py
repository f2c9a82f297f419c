"""A copy's header beside what the client sent: each field kept, changed, added or removed, and by whom.

A field that is the same object in both stands as it came. One that is gone and one that is new are a change
where their names are the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from estafeta_core.headers import Header
from estafeta_postfix.explain.arrival import Field

Mark = Literal["kept", "changed", "added", "removed"]
By = Literal["", "postfix", "estafeta"]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one field."""

    name: str
    value: bytes  # as it leaves; of a field that was removed, as it came
    mark: Mark
    by: By = ""
    before: bytes | None = None  # of a field that was changed


def compare(fields: Sequence[Field], after: Sequence[Header]) -> list[Change]:
    """Return the fields of a copy in their order, and those that are gone where they stood."""
    there = {id(header) for header in after}
    places = {id(field.header): place for place, field in enumerate(fields)}
    gone = {place: field for place, field in enumerate(fields) if id(field.header) not in there}
    changes: list[Change] = []
    for position, header in enumerate(after):
        place = places.get(id(header))
        if place is not None:
            changes += _removed(gone, place)
            changes.append(_stayed(fields[place]))
            continue
        replaced = next((at for at, field in gone.items() if _is_changed(field, header)), None)
        if replaced is not None:
            changes.append(
                Change(header.name, header.value, "changed", "estafeta", _sent(gone.pop(replaced)))
            )
            continue
        changes += _removed(gone, _next_kept(after[position:], places, len(fields)))
        changes.append(Change(header.name, header.value, "added", "estafeta"))
    return [*changes, *_removed(gone, len(fields))]


def _stayed(field: Field) -> Change:
    header = field.header
    if field.fate == "cut":
        return Change(header.name, header.value, "changed", "postfix", _sent(field))
    if field.fate == "added":
        return Change(header.name, header.value, "added", "postfix")
    return Change(header.name, header.value, "kept")


def _removed(gone: dict[int, Field], end: int) -> Iterator[Change]:
    """Take what is gone and stood before place `end` out of `gone`."""
    while gone and (place := next(iter(gone))) < end:
        field = gone.pop(place)
        by: By = "postfix" if field.fate == "dropped" else "estafeta"
        yield Change(field.header.name, _sent(field), "removed", by)


def _is_changed(field: Field, header: Header) -> bool:
    return field.fate != "dropped" and field.header.key == header.key


def _next_kept(rest: Sequence[Header], places: dict[int, int], end: int) -> int:
    """Return where the next field that stayed has stood."""
    return next((places[id(header)] for header in rest if id(header) in places), end)


def _sent(field: Field) -> bytes:
    return (field.sent or field.header).value
