"""Every path of the API for everybody who may ask: nobody, somebody, another account."""

import base64
from collections.abc import Callable

import httpx2
import pytest

from estafeta_core.store.rows import Suppression
from estafeta_core.store.suppressions import Entries
from estafeta_testing.site import KEYS, OTHER_KEY, Site
from estafeta_web.api.places import PLACES

Ask = Callable[..., httpx2.Response]

BODIES = {
    ("PUT", "/api/v1/suppression-list"): {
        "recipients": [{"recipient": "a@b.example", "type": "transactional"}]
    },
    ("PUT", "/api/v1/suppression-list/gone@example.net"): {"type": "transactional"},
}
WORDS = {"{recipient:path}": "gone@example.net", "{id}": "1"}
EVERYTHING = []
for each in PLACES:
    filled = each.path
    for word, value in WORDS.items():
        filled = filled.replace(word, value)
    EVERYTHING.append((each.method, filled))
READING = [(method, path) for method, path in EVERYTHING if method == "GET"]
CHANGING = [(method, path) for method, path in EVERYTHING if method != "GET"]


def body(method: str, path: str) -> object:
    return BODIES.get((method, path.rstrip("/")))


@pytest.mark.parametrize("key", ["", "garbage", "Bearer " + "9" * 48, "Basic !!", KEYS["revoked"]])
def test_h10_whoever_has_no_key_that_is_in_force_gets_the_same_401(ask: Ask, key: str) -> None:
    for method, path in EVERYTHING:
        answer = ask(path, method, key=key, json=body(method, path))
        assert (answer.status_code, answer.json()) == (401, {"errors": [{"message": "Unauthorized"}]}), path


def test_h10_a_key_without_the_right_is_refused(ask: Ask) -> None:
    for method, path in EVERYTHING:
        answer = ask(path, method, key=KEYS["sender"], json=body(method, path))
        assert (answer.status_code, answer.json()) == (403, {"errors": [{"message": "Forbidden."}]}), path


def test_h10_a_reader_changes_nothing(ask: Ask, site: Site) -> None:
    site.store.record([Suppression("acme", None, "gone@example.net", "transactional", "Bounce Rule", "", 1)])
    for method, path in CHANGING:
        assert ask(path, method, key=KEYS["reader"], json=body(method, path)).status_code == 403, path
    assert [entry.source for entry in site.store.suppressions(Entries("acme"), limit=10)] == ["Bounce Rule"]


def test_a_reader_reads_everything_there_is(ask: Ask) -> None:
    for _, path in READING:
        answer = ask(path, key=KEYS["reader"])
        assert answer.status_code in (200, 404), path
        assert answer.headers["content-type"] == "application/json"


def test_h10_what_is_another_accounts_is_answered_like_what_does_not_exist(ask: Ask, site: Site) -> None:
    copy = site.message()
    site.store.record([Suppression("acme", None, "gone@example.net", "transactional", "Bounce Rule", "", 1)])
    for there, nowhere in [
        (f"/api/v1/transmissions/{copy.transmission_id}", "/api/v1/transmissions/1"),
        (f"/api/v1/transmissions/{copy.message_id}", "/api/v1/transmissions/1"),
        ("/api/v1/transmissions/4Xqueue", "/api/v1/transmissions/1"),
        ("/api/v1/suppression-list/gone@example.net", "/api/v1/suppression-list/nobody@example.net"),
    ]:
        assert ask(there).status_code == 200
        found, missing = ask(there, key=OTHER_KEY), ask(nowhere, key=OTHER_KEY)
        assert (found.status_code, found.content) == (missing.status_code, missing.content)
        assert found.status_code == 404
    assert ask("/api/v1/suppression-list/gone@example.net", "DELETE", key=OTHER_KEY).status_code == 404
    assert ask("/api/v1/suppression-list", key=OTHER_KEY).json()["results"] == []
    assert ask("/api/v1/suppression-list/summary", key=OTHER_KEY).json()["results"]["total"] == 0
    ids = f"transmissions={copy.transmission_id},4Xqueue&messages={copy.message_id}"
    assert ask(f"/api/v1/events/message?{ids}", key=OTHER_KEY).json()["results"] == []
    [event] = ask(f"/api/v1/events/message?transmissions={copy.transmission_id}").json()["results"]
    assert ask(f"/api/v1/events/message?event_ids={event['event_id']}").json()["total_count"] == 1
    assert ask(f"/api/v1/events/message?event_ids={event['event_id']}", key=OTHER_KEY).json()["results"] == []
    total = ask("/api/v1/metrics/deliverability?metrics=count_injected", key=OTHER_KEY).json()["results"]
    assert total == [{"count_injected": 0}]


def test_another_accounts_list_is_written_by_nobody_else(ask: Ask, site: Site) -> None:
    put = {"type": "transactional", "description": "theirs"}
    assert ask("/api/v1/suppression-list/a@b.example", "PUT", key=OTHER_KEY, json=put).status_code == 200
    assert site.store.suppressions_of("acme", [""], "a@b.example", ["transactional"]) == []
    assert (
        ask(
            "/api/v1/suppression-list/a@b.example", "PUT", key=OTHER_KEY, subaccount="123", json=put
        ).status_code
        == 403
    )


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/v1/events/message", {"GET", "HEAD"}),
        ("/api/v1/suppression-list", {"GET", "HEAD", "PUT"}),
        ("/api/v1/suppression-list/", {"GET", "HEAD", "PUT"}),
        ("/api/v1/suppression-list/a@b.example", {"GET", "HEAD", "PUT", "DELETE"}),
        ("/api/v1/transmissions/1", {"GET", "HEAD"}),
        ("/api/v1/metrics/deliverability", {"GET", "HEAD"}),
    ],
)
def test_what_a_path_does_not_do_is_answered_with_what_it_does(
    ask: Ask, path: str, allowed: set[str]
) -> None:
    for method in ("POST", "PATCH", "OPTIONS", "TRACE"):
        answer = ask(path, method)
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == allowed
        assert answer.json() == {"errors": [{"message": "Method not allowed"}]}
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_head_says_what_get_would_and_sends_nothing(ask: Ask) -> None:
    answer = ask("/api/v1/events/message", "HEAD")
    assert (answer.status_code, answer.content) == (200, b"")
    assert ask("/api/v1/events/message", "HEAD", key="").status_code == 401


@pytest.mark.parametrize("path", ["/api", "/api/v2/events/message", "/api/v1/events", "/api/v1/nothing"])
def test_a_path_that_leads_nowhere_is_told_so(ask: Ask, path: str) -> None:
    assert ask(path).status_code == 404


def test_no_answer_may_be_kept_by_a_cache(ask: Ask) -> None:
    for method, path in EVERYTHING:
        assert ask(path, method).headers.get_list("cache-control") == ["no-store"]


def test_whoever_guesses_passwords_is_stopped(ask: Ask) -> None:
    def guess(number: int) -> httpx2.Response:
        text = base64.b64encode(f"usuario.plan:guess {number}".encode()).decode()
        return ask("/api/v1/events/message", key=f"Basic {text}")

    assert {guess(number).status_code for number in range(20)} == {401}
    stopped = guess(20)
    assert (stopped.status_code, stopped.headers["retry-after"]) == (429, "60")
    assert ask("/api/v1/events/message").status_code == 200


def test_d1_h14_a_json_bomb_is_refused_at_once_and_others_are_served(ask: Ask) -> None:
    for bomb in (b"[" * 50_000, b'{"a":' * 10_000, b"[[]" + b",[]" * 20_000 + b"]", b"\xff{}", b'{"a":NaN}'):
        for path in ("/api/v1/suppression-list", "/api/v1/suppression-list/a@b.example"):
            answer = ask(path, "PUT", content=bomb)
            assert answer.status_code == 400
            assert answer.elapsed.total_seconds() < 5
            assert "errors" in answer.json()
