from typing import Any

import pytest

from estafeta_core.suppression import DESCRIPTION_LIMIT, entry, view


def made(recipient: str = "a@b.example", kind: str = "transactional", **more: Any) -> Any:
    return entry("acme", None, recipient, kind, now=1_000, **more)


@pytest.mark.parametrize(
    ("recipient", "kind", "more", "expected"),
    [
        ("a", "transactional", {}, "'a' is no email address"),
        ("", "transactional", {}, "'' is no email address"),
        ("a@b@c.example", "transactional", {}, "is no email address"),
        ("x" * 300 + "@b.example", "transactional", {}, "is no email address"),
        (
            "a@b.example",
            "both",
            {},
            "Type must be one of: 'transactional', 'non_transactional', 'open_tracking'",
        ),
        ("a@b.example", "", {}, "Type must be one of"),
        ("a@b.example", "transactional", {"source": "Me"}, "Source must be one of: 'Manually Added'"),
        ("a@b.example", "transactional", {"description": "x" * (DESCRIPTION_LIMIT + 1)}, "may have 2000"),
    ],
)
def test_what_cannot_stand_in_a_list_is_told(
    recipient: str, kind: str, more: dict[str, str], expected: str
) -> None:
    with pytest.raises(ValueError, match=expected):
        made(recipient, kind, **more)


def test_every_spelling_of_a_mailbox_is_the_same_entry() -> None:
    assert made("Alice@Bücher.Example") == made("alice@xn--bcher-kva.example")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("transactional", "Manually Added"),
        ("non_transactional", "Manually Added"),
        ("open_tracking", "Tracking Consent Revoked"),
    ],
)
def test_an_entry_is_written_by_hand_unless_it_says_otherwise(kind: str, expected: str) -> None:
    assert made(kind=kind).source == expected
    assert made(kind=kind, source="Bounce Rule").source == "Bounce Rule"


def test_an_entry_is_shown_under_sparkposts_names() -> None:
    assert view(made(description="Why")) == {
        "recipient": "a@b.example",
        "type": "transactional",
        "source": "Manually Added",
        "created": "1970-01-01T00:00:01.000Z",
        "updated": "1970-01-01T00:00:01.000Z",
        "description": "Why",
        "transactional": True,
    }
    shown = view(entry("acme", "123", "a@b.example", "open_tracking", now=1))
    assert shown["subaccount_id"] == "123"
    assert not shown.keys() & {"description", "transactional", "non_transactional", "open_tracking"}
