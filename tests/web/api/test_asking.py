"""The boundary: what a client is told of what goes wrong behind it."""

import asyncio
import threading
from collections.abc import Callable

import httpx2
import pytest

from estafeta_core.store import AnswerTooLong, StoreUnavailable
from estafeta_testing.site import KEYS, Site
from estafeta_web import service

Ask = Callable[..., httpx2.Response]


def test_a_search_that_takes_too_long_is_told_what_to_do(
    ask: Ask, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object, **__: object) -> None:
        raise AnswerTooLong("no answer within 4 s")

    monkeypatch.setattr(site.store, "search", slow)
    answer = ask("/api/v1/events/message")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert answer.json()["errors"][0]["description"] == "Ask for a shorter time, or for fewer things."


def test_a_store_that_is_away_is_a_503_for_every_question(
    ask: Ask, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(site.store, "query", away)
    for path in (
        "/api/v1/events/message",
        "/api/v1/suppression-list",
        "/api/v1/suppression-list/a@b.example",
        "/api/v1/suppression-list/summary",
        "/api/v1/transmissions/1",
        "/api/v1/metrics/deliverability",
    ):
        answer = ask(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60"), path
        assert answer.json() == {"errors": [{"message": "Service unavailable"}]}


def test_so_many_long_questions_are_asked_at_a_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    now: list[int] = []
    most: list[int] = []
    gate = threading.Lock()
    original = site.store.search

    def counted(*arguments: object, **named: object) -> object:
        with gate:
            now.append(1)
            most.append(len(now))
        threading.Event().wait(0.02)
        with gate:
            now.pop()
        return original(*arguments, **named)  # type: ignore[arg-type] # handed on as it came

    monkeypatch.setattr(site.store, "search", counted)

    async def everybody() -> list[int]:
        async with httpx2.AsyncClient(base_url=site.http.base_url, timeout=20) as client:
            asked = [
                client.get("/api/v1/events/message", headers={"Authorization": KEYS["main"]})
                for _ in range(12)
            ]
            return [answer.status_code for answer in await asyncio.gather(*asked)]

    assert asyncio.run(everybody()) == [200] * 12
    assert max(most) == service.ASKING
