"""`/api/v1/webhooks` as SparkPost's clients use it."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook as Verifier

from estafeta_core.store.outgoing_rows import Batch, BatchTried
from estafeta_core.webhooks import replay
from estafeta_testing.receiver import Receiver, answering, receiving
from estafeta_testing.site import KEYS, OTHER_KEY, Site
from estafeta_web.api import webhooks

PATH = "/api/v1/webhooks"
MAIN = {"Authorization": KEYS["main"]}
READER = {"Authorization": KEYS["reader"]}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def form(receiver: Receiver, **fields: Any) -> dict[str, Any]:
    return {"name": "Example", "target": receiver.url, "events": ["injection", "open"], **fields}


def create(site: Site, receiver: Receiver, **fields: Any) -> dict[str, Any]:
    answer = site.http.post(PATH, headers=MAIN, json=form(receiver, **fields))
    assert answer.status_code == 200, answer.text
    results: dict[str, Any] = answer.json()["results"]
    return results


def message(answer: httpx2.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    (error,) = answer.json()["errors"]
    return str(error["message"])


def test_a_webhook_is_made_once_its_receiver_has_answered_a_signed_ping(
    site: Site, receiver: Receiver
) -> None:
    made = create(site, receiver, auth_type="basic", auth_credentials={"username": "u", "password": "p"})
    href = f"{PATH}/{made['id']}"
    link = {"href": href, "rel": "urn.msys.webhooks.webhook", "method": ["GET", "PUT", "DELETE"]}
    assert made["links"] == [link]
    (ping,) = receiver.posts
    assert ping.body == b'[{"msys":{}}]'
    assert ping.headers["authorization"].startswith("Basic ")
    assert Verifier(made["secret"]).verify(ping.body, ping.headers)


def test_a_webhook_is_shown_without_its_secrets(site: Site, receiver: Receiver) -> None:
    made = create(site, receiver, custom_headers={"x-api-key": "abcd"})
    answer = site.http.get(f"{PATH}/{made['id']}", headers=READER)
    shown = answer.json()["results"]
    assert {name: shown[name] for name in ("name", "target", "events", "active")} == form(receiver) | {
        "active": True
    }
    assert (shown["custom_headers"], shown["waiting"]) == ({"x-api-key": "********"}, 0)
    assert [link["rel"] for link in shown["links"]] == [
        "urn.msys.webhooks.validate",
        "urn.msys.webhooks.batches",
    ]
    assert "abcd" not in answer.text
    assert made["secret"] not in answer.text
    (listed,) = site.http.get(PATH, headers=READER).json()["results"]
    assert (listed["id"], listed["custom_headers"]) == (made["id"], {"x-api-key": "********"})


def test_what_waits_and_what_became_of_it_is_shown(site: Site, receiver: Receiver) -> None:
    made = create(site, receiver)
    site.message()
    site.message()
    assert site.http.get(f"{PATH}/{made['id']}", headers=MAIN).json()["results"]["waiting"] == 2
    ids = site.store.outbox(made["id"], 10)
    site.store.record([Batch(5, made["id"], ids[:1], 1), Batch(6, made["id"], ids[1:], 1)])
    site.store.record([BatchTried(5, "delivered", 0, 1_406_756_288_000, 160, 200, "")])
    site.store.record([BatchTried(6, "waiting", 9, 1_406_756_280_000, 210, 400, "400")])
    path = f"{PATH}/{made['id']}/batch-status"
    first, second = site.http.get(path, headers=READER).json()["results"]
    assert first == {
        "batch_id": "5",
        "webhook_id": made["id"],
        "batch_size": 1,
        "ts": "2014-07-30T21:38:08.000Z",
        "attempts": 1,
        "latency": 160,
        "state": "delivered",
        "response_code": "200",
    }
    assert (second["batch_id"], second["failure_code"], second["state"]) == ("6", "400", "waiting")
    assert len(site.http.get(f"{path}?limit=1", headers=READER).json()["results"]) == 1
    for limit in ("0", "1001", "ten", "²"):
        assert message(site.http.get(path, params={"limit": limit}, headers=READER), 400).startswith("limit")
    shown = site.http.get(PATH, headers=MAIN).json()["results"][0]
    assert (shown["last_successful"], shown["last_failure"]) == ("2014-07-30 21:38:08", "2014-07-30 21:38:00")


@pytest.mark.parametrize(("status", "body"), [(500, b"oops"), (301, b""), (404, b"no")])
def test_a_receiver_that_does_not_take_the_ping_makes_no_webhook(
    site: Site, receiver: Receiver, status: int, body: bytes
) -> None:
    receiver.behave = answering(status, body, {"X-From": "here"})
    answer = site.http.post(PATH, headers=MAIN, json=form(receiver))
    assert message(answer, 400) == "POST to webhook target URL failed"
    said = answer.json()["errors"][0]["response"]
    assert (said["status"], said["body"], said["headers"]["x-from"]) == (status, body.decode(), "here")
    assert site.store.webhooks() == []


@pytest.mark.parametrize(
    "target",
    [
        *(
            "http://10.0.0.1/",
            "http://[::1]/",
            "http://0x0a000001/",
            "http://169.254.169.254/latest/meta-data/",
        ),
        *(
            "http://[::ffff:127.0.0.1]/",
            "http://100.64.0.1",
            "http://h@127.0.0.1",
            "ftp://127.0.0.1/",
            "http://0/",
        ),
        *("http://8.8.8.8:25/", "https://8.8.8.8:5432/"),
    ],
)
def test_i1_a_target_inside_is_refused_at_save(site: Site, receiver: Receiver, target: str) -> None:
    assert message(
        site.http.post(PATH, headers=MAIN, json=form(receiver) | {"target": target}), 400
    ).startswith("target")
    made = create(site, receiver)
    change = site.http.put(f"{PATH}/{made['id']}", headers=MAIN, json={"target": target})
    assert message(change, 400).startswith("target")
    (kept,) = site.store.webhooks()
    assert kept.target == receiver.url


def test_a_change_asks_the_receiver_only_where_posts_go_elsewhere(site: Site, receiver: Receiver) -> None:
    made = create(site, receiver)
    path = f"{PATH}/{made['id']}"
    renamed = site.http.put(
        path, headers=MAIN, json={"name": "Renamed", "events": ["delay"], "active": False}
    )
    assert renamed.json()["results"]["id"] == made["id"]
    assert len(receiver.posts) == 1
    kept = site.store.webhook(made["id"])
    assert kept is not None
    assert (kept.name, kept.events, kept.active, kept.secret) == (
        "Renamed",
        ("delay",),
        False,
        made["secret"],
    )
    receiver.behave = answering(500)
    moved = site.http.put(path, headers=MAIN, json={"target": receiver.url + "/new"})
    assert message(moved, 400) == "POST to webhook target URL failed"
    assert site.store.webhook(made["id"]) == kept


def test_validate_says_what_the_receiver_answers(site: Site, receiver: Receiver) -> None:
    made = create(site, receiver)
    receiver.behave = answering(200, b"OK", {"Content-Type": "text/plain"})
    answer = site.http.post(f"{PATH}/{made['id']}/validate", headers=MAIN, json=[{"msys": {}}])
    results = answer.json()["results"]
    assert results["msg"] == "Test POST to endpoint succeeded"
    assert (results["response"]["status"], results["response"]["body"]) == (200, "OK")
    assert len(receiver.posts) == 2
    receiver.behave = answering(503)
    assert message(site.http.post(f"{PATH}/{made['id']}/validate", headers=MAIN), 400)


def test_events_are_replayed_by_time_and_by_transmission(site: Site, receiver: Receiver) -> None:
    copy = site.message()
    site.message()
    made = create(site, receiver)
    path = f"{PATH}/{made['id']}/replay"

    def ask(**fields: Any) -> httpx2.Response:
        return site.http.post(path, headers=MAIN, json=fields)

    assert ask(transmission_id=str(copy.transmission_id)).json() == {"results": {"events": 1}}
    assert site.store.backlog(made["id"]).events == 1
    assert ask(**{"from": "2020-01-01T00:00:00Z"}).json() == {"results": {"events": 2}}
    assert ask(to="2020-01-01T00:00").json() == {"results": {"events": 0}}
    for fields, why in (
        ({}, "from and to"),
        ({"since": "x"}, "from and to"),
        ({"from": "yesterday"}, "from"),
        ({"from": "9999-12-31T23:59:59Z"}, "from"),
        ({"transmission_id": "4Xnobody"}, "transmission_id"),
    ):
        assert message(ask(**fields), 400).startswith(why)
    site.http.put(f"{PATH}/{made['id']}", headers=MAIN, json={"active": False})
    assert message(ask(to="2020-01-01"), 400).startswith("active")


def test_too_much_for_one_replay_is_refused(
    site: Site, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "EVENTS", 0)
    made = create(site, receiver)
    site.message()
    answer = site.http.post(f"{PATH}/{made['id']}/replay", headers=MAIN, json={"from": "2020-01-01"})
    assert "shorter time" in message(answer, 400)


def test_what_is_removed_is_gone(site: Site, receiver: Receiver) -> None:
    path = f"{PATH}/{create(site, receiver)['id']}"
    assert site.http.delete(path, headers=MAIN).status_code == 204
    assert message(site.http.get(path, headers=MAIN), 404) == "resource not found"
    assert site.http.delete(path, headers=MAIN).status_code == 404
    assert site.store.webhooks() == []


CALLS = [
    *(("GET", ""), ("POST", ""), ("GET", "/{id}"), ("PUT", "/{id}"), ("DELETE", "/{id}")),
    *(("POST", "/{id}/validate"), ("GET", "/{id}/batch-status"), ("POST", "/{id}/replay")),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_h10_nobody_reaches_what_is_not_his(site: Site, receiver: Receiver, method: str, path: str) -> None:
    made = create(site, receiver)
    url = PATH + path.format(id=made["id"])
    body = form(receiver) if path in ("", "/{id}") else {"from": "2020-01-01"}
    content = body if method in ("POST", "PUT") else None

    def status(**headers: str) -> int:
        return site.http.request(method, url, headers=headers, json=content).status_code

    assert status() == 401
    assert status(Authorization=KEYS["revoked"]) == 401
    assert status(Authorization="6" * 48) == 401
    assert status(Authorization=KEYS["sender"]) == 403
    assert status(Authorization=KEYS["reader"]) == (200 if method == "GET" else 403)
    assert status(Authorization=OTHER_KEY) == (404 if path else 200)
    kept = site.store.webhook(made["id"])
    assert kept is not None
    assert kept.account == "acme"
    if method == "GET" and not path:
        assert site.http.get(url, headers={"Authorization": OTHER_KEY}).json() == {"results": []}


def test_a_caller_narrowed_to_a_subaccount_has_webhooks_of_its_own(site: Site, receiver: Receiver) -> None:
    whole = create(site, receiver)
    narrow = MAIN | {"X-MSYS-SUBACCOUNT": "123"}
    answer = site.http.post(PATH, headers=narrow, json=form(receiver))
    own = answer.json()["results"]
    assert [each["id"] for each in site.http.get(PATH, headers=narrow).json()["results"]] == [own["id"]]
    assert site.http.get(f"{PATH}/{whole['id']}", headers=narrow).status_code == 404
    assert site.http.get(f"{PATH}/{own['id']}", headers=MAIN).json()["results"]["subaccount_id"] == "123"
    site.message()  # of no subaccount
    assert (site.store.backlog(whole["id"]).events, site.store.backlog(own["id"]).events) == (1, 0)


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"", 400), (b"[]", 400), (b"{", 400), (b"\xff", 400), (b'{"name":NaN}', 400), (b" " * 70_000, 413)],
)
def test_what_is_no_json_object_is_refused(site: Site, content: bytes, status: int) -> None:
    message(site.http.post(PATH, headers=MAIN, content=content), status)


def test_an_account_has_so_many_webhooks(
    site: Site, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "WEBHOOKS", 1)
    create(site, receiver)
    assert "at most 1" in message(site.http.post(PATH, headers=MAIN, json=form(receiver)), 400)


def test_a_store_that_is_away_is_told(
    site: Site, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.store.close()
    answer = site.http.post(PATH, headers=MAIN, json=form(receiver))
    assert message(answer, 503)
    assert answer.headers["retry-after"] == "60"
