"""A post says who sends it."""

import asyncio
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest
from standardwebhooks import Webhook as Verifier

from estafeta_core.store.outgoing_rows import Webhook
from estafeta_core.webhooks import form, signature
from estafeta_core.webhooks.delivery import Body, Delivery
from estafeta_core.webhooks.guard import Guard, Refused
from estafeta_core.webhooks.poster import Poster, Unreachable
from estafeta_testing.receiver import Receiver, answering, receiving
from estafeta_web import client

BODY = Body("17", b'[{"msys":{"message_event":{"type":"delivery","event_id":"5"}}}]', "delivery")


def webhook(receiver: Receiver, **fields: Any) -> Webhook:
    blank = Webhook("w", "acme", None, "", "", True, (), (), {}, signature.new_secret(), 1)
    return form.made(blank, {"name": "a", "target": receiver.url, "events": ["delivery"], **fields})


def delivery(*networks: str) -> Delivery:
    return Delivery(Poster(Guard(client.networks(networks or ["127.0.0.0/8"]))))


def test_a_post_is_signed_and_named_as_sparkposts() -> None:
    with receiving() as receiver:
        own = webhook(receiver, custom_headers={"X-Api-Key": "abcd"}, auth_token="t0ken")
        assert asyncio.run(delivery().deliver(own, BODY)).taken
    (posted,) = receiver.posts
    assert Verifier(own.secret).verify(posted.body, posted.headers)
    told = {name: posted.headers[name] for name in ("content-type", "x-api-key", "webhook-id")}
    assert told == {"content-type": "application/json", "x-api-key": "abcd", "webhook-id": "17"}
    assert posted.headers["x-messagesystems-batch-id"] == "17"
    assert posted.headers["x-messagesystems-webhook-token"] == "t0ken"
    assert "x-emitlo-signature" not in posted.headers


def test_e21_emitlos_header_fields_are_there_where_they_are_asked_for() -> None:
    with receiving() as receiver:
        own = webhook(receiver, signature="emitlo")
        asyncio.run(delivery().deliver(own, BODY))
    (posted,) = receiver.posts
    digest = hmac.new(own.secret.encode(), posted.body, hashlib.sha256).hexdigest()
    assert posted.headers["x-emitlo-signature"] == f"sha256={digest}"
    assert (posted.headers["x-emitlo-event"], posted.headers["x-emitlo-delivery-id"]) == ("delivery", "17")


def test_a_ping_is_an_empty_batch() -> None:
    with receiving() as receiver:
        asyncio.run(delivery().ping(webhook(receiver)))
    assert receiver.posts[0].body == b'[{"msys":{}}]'


def test_basic_is_rfc_7617() -> None:
    credentials = {"username": "Aladdin", "password": "open sesame"}
    with receiving() as receiver:
        own = webhook(receiver, auth_type="basic", auth_credentials=credentials)
        asyncio.run(delivery().deliver(own, BODY))
    assert receiver.posts[0].headers["authorization"] == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


def test_a_token_that_is_known_is_shown() -> None:
    with receiving() as receiver:
        own = webhook(receiver, auth_type="oauth2", auth_credentials={"access_token": "t0ken"})
        asyncio.run(delivery().deliver(own, BODY))
    assert receiver.posts[0].headers["authorization"] == "Bearer t0ken"


def with_details(receiver: Receiver, server: Receiver) -> Webhook:
    asked = {"client_id": "C1", "client_secret": "h&ush", "grant_type": "client_credentials"}
    details = {"url": server.url, "body": asked}
    return webhook(receiver, auth_type="oauth2", auth_request_details=details)


def test_a_token_is_asked_for_once_and_again_when_the_receiver_refuses_it() -> None:
    token = json.dumps({"access_token": "t0ken", "expires_in": 3600}).encode()
    with receiving(answering(200, token)) as server, receiving() as receiver:
        own, posts = with_details(receiver, server), delivery()

        async def thrice() -> list[int]:
            codes = []
            for code in (200, 401, 200):
                receiver.behave = answering(code)
                codes.append((await posts.deliver(own, BODY)).status)
            return codes

        assert asyncio.run(thrice()) == [200, 401, 200]
    assert {post.headers["authorization"] for post in receiver.posts} == {"Bearer t0ken"}
    assert len(server.posts) == 2
    assert parse_qs(server.posts[0].body.decode()) == {
        "client_id": ["C1"],
        "client_secret": ["h&ush"],
        "grant_type": ["client_credentials"],
    }


def test_a_token_is_not_used_after_its_time() -> None:
    token = json.dumps({"access_token": "t0ken", "expires_in": 10}).encode()
    with receiving(answering(200, token)) as server, receiving() as receiver:
        own, posts = with_details(receiver, server), delivery()
        for _ in range(2):
            asyncio.run(posts.deliver(own, BODY))
    assert len(server.posts) == 2


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (500, b"{}"),
        *(
            (200, said)
            for said in (b"", b"[]", b"{}", b'{"access_token":"a\\nb"}', b'{"access_token":"\\u00fc"}')
        ),
        (200, b'{"access_token":"a","expires_in":[]}'),
        (200, b"[" * 60_000),
    ],
)
def test_without_a_token_nothing_is_posted(status: int, said: bytes) -> None:
    with (
        receiving(answering(status, said)) as server,
        receiving() as receiver,
        pytest.raises(Unreachable, match="authorization server"),
    ):
        asyncio.run(delivery().deliver(with_details(receiver, server), BODY))
    assert receiver.posts == []


def test_i1_the_authorization_server_is_guarded_as_well() -> None:
    with receiving() as server, receiving() as receiver:
        own = replace(with_details(receiver, server), target="http://8.8.8.8/")
        with pytest.raises(Refused, match="authorization server: the address"):
            asyncio.run(delivery("192.0.2.0/24").deliver(own, BODY))
    assert server.posts == []
