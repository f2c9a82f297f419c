from typing import Any

import pytest

from estafeta_core.store.rows import Event
from estafeta_web.pages.timeline import step, steps


def event(kind: str = "bounce", **data: Any) -> Event:
    return Event(1, kind, 5, 2, 3, "acme", None, data)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("delivery", "good"), ("click", "good"), ("bounce", "bad"), ("delay", ""), ("never heard of", "")],
)
def test_good_and_bad_are_told_apart(kind: str, expected: str) -> None:
    assert step(event(kind)).kind == expected


def test_what_the_host_said_itself_is_the_reason() -> None:
    facts = dict(step(event(reason="refused", raw_reason="550 no")).facts)
    assert facts == {"reason": "550 no"}
    assert dict(step(event(reason="refused")).facts) == {"reason": "refused"}


def test_only_what_says_something_is_shown() -> None:
    shown = step(event(num_retries=0, queue_time=None, user_agent="", secret="x", ip_pool="marketing"))
    assert shown.facts == (("num_retries", "0"), ("ip_pool", "marketing"))


@pytest.mark.parametrize(
    ("mark", "automated"), [({}, False), ({"automated": True}, True), ({"automated": "proxy"}, True)]
)
def test_what_a_program_did_is_marked(mark: dict[str, Any], automated: bool) -> None:
    assert step(event("open", **mark)).automated is automated


def test_a_list_keeps_its_order() -> None:
    assert [each.type for each in steps([event("open"), event("click")])] == ["open", "click"]
