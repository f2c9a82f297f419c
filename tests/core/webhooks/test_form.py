"""A webhook as SparkPost's API takes and shows it."""

from typing import Any

import pytest

from estafeta_core.store.outgoing_rows import Webhook
from estafeta_core.webhooks import form
from estafeta_core.webhooks.form import MASK, FormError

BLANK = Webhook("w", "acme", None, "", "", True, (), (), {}, "whsec_x", 1)
LEAST = {"name": "Example", "target": "https://client.example.com/hook", "events": ["delivery", "open"]}
BASIC = {"auth_type": "basic", "auth_credentials": {"username": "user", "password": "secret"}}
TOKEN = {
    "auth_type": "oauth2",
    "auth_request_details": {
        "url": "https://client.example.com/tokens",
        "body": {"client_id": "C1", "client_secret": "hush", "grant_type": "client_credentials"},
    },
}


def test_a_webhook_needs_a_name_a_target_and_types_and_has_sparkposts_defaults() -> None:
    made = form.made(BLANK, LEAST)
    assert (made.name, made.target, made.events) == ("Example", LEAST["target"], ("delivery", "open"))
    assert (made.active, made.exceptions, made.settings) == (True, (), {})
    assert form.shown(made) == LEAST | {
        "active": True,
        "exception_subaccounts": [],
        "auth_type": "none",
        "auth_credentials": {},
        "auth_request_details": {},
        "auth_token": "",
        "custom_headers": {},
        "signature": "standard",
    }


@pytest.mark.parametrize("missing", sorted(LEAST))
def test_what_is_missing_is_named(missing: str) -> None:
    with pytest.raises(FormError, match=f"^{missing}"):
        form.made(BLANK, {name: value for name, value in LEAST.items() if name != missing})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": 5}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a" * 65}, "name"),
        ({"target": "ftp://a/"}, "target"),
        ({"target": "http://u:p@a/"}, "target"),
        ({"target": None}, "target"),
        ({"events": []}, "events"),
        ({"events": "delivery"}, "events"),
        ({"events": ["deliverd"]}, "events"),
        ({"events": [["delivery"]]}, "events"),
        ({"active": 1}, "active"),
        ({"custom_headers": []}, "custom_headers"),
        ({"custom_headers": {"a b": "c"}}, "custom_headers"),
        ({"custom_headers": {"X-A": "b\r\nX-C: d"}}, "custom_headers"),
        ({"custom_headers": {"X-A": "ü"}}, "custom_headers"),
        ({"custom_headers": {"X-A": 5}}, "custom_headers"),
        ({"custom_headers": {f"X-{number}": "a" for number in range(21)}}, "custom_headers"),
        ({"custom_headers": {"X-A": "a" * 4096}}, "custom_headers"),
        *(
            ({"custom_headers": {name: "a"}}, "custom_headers")
            for name in (
                "Host",
                "content-length",
                "Transfer-Encoding",
                "Webhook-Id",
                "X-MessageSystems-Batch-ID",
            )
        ),
        (BASIC | {"custom_headers": {"authorization": "Bearer x"}}, "custom_headers"),
        ({"auth_type": "digest"}, "auth_type"),
        ({"auth_type": "basic"}, "auth_credentials"),
        ({"auth_type": "basic", "auth_credentials": {"username": "a:b"}}, "auth_credentials"),
        ({"auth_type": "oauth2"}, "auth_request_details"),
        ({"auth_type": "oauth2", "auth_credentials": {"access_token": "ü"}}, "auth_credentials"),
        (TOKEN | {"auth_request_details": {"url": "ftp://a", "body": {}}}, "auth_request_details.url"),
        (
            TOKEN | {"auth_request_details": {"url": "http://a", "body": {"a": "b" * 4096}}},
            "auth_request_details",
        ),
        ({"exception_subaccounts": 123}, "exception_subaccounts"),
        ({"exception_subaccounts": [True]}, "exception_subaccounts"),
        ({"signature": "none"}, "signature"),
        ({"tarjet": "http://a"}, "tarjet"),
    ],
)
def test_what_cannot_be_taken_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(FormError, match=f"^{field}"):
        form.made(BLANK, LEAST | change)


def test_what_never_happens_here_may_be_asked_for() -> None:
    made = form.made(BLANK, LEAST | {"events": ["generation_rejection", "delay", "delay"]})
    assert made.events == ("generation_rejection", "delay")


def test_subaccounts_are_taken_as_numbers_and_as_text() -> None:
    assert form.made(BLANK, LEAST | {"exception_subaccounts": [123, "0"]}).exceptions == ("123", "0")


def test_what_is_secret_is_masked() -> None:
    headers = {"custom_headers": {"x-api-key": "abcd"}, "auth_token": "t0ken"}
    shown = form.shown(form.made(BLANK, LEAST | BASIC | headers))
    assert shown["auth_credentials"] == {"username": "user", "password": MASK}
    assert (shown["custom_headers"], shown["auth_token"]) == ({"x-api-key": MASK}, MASK)
    body = form.shown(form.made(BLANK, LEAST | TOKEN))["auth_request_details"]["body"]
    assert body == {"client_id": MASK, "client_secret": MASK, "grant_type": "client_credentials"}


@pytest.mark.parametrize("auth", [BASIC, TOKEN, {"custom_headers": {"x-api-key": "abcd"}, "auth_token": "t"}])
def test_what_was_shown_may_be_sent_back_and_changes_nothing(auth: dict[str, Any]) -> None:
    before = form.made(BLANK, LEAST | auth)
    read_only = {"id": "w", "links": [], "last_successful": "2014-08-01 16:09:15"}
    assert form.made(before, form.shown(before) | read_only) == before


def test_a_change_changes_what_it_names() -> None:
    before = form.made(BLANK, LEAST | BASIC)
    after = form.made(before, {"auth_type": "none", "active": False, "custom_headers": {"X-A": "b"}})
    assert (after.name, after.target, after.active) == (before.name, before.target, False)
    assert after.settings == {"auth_credentials": BASIC["auth_credentials"], "custom_headers": {"X-A": "b"}}
    changed = form.made(before, {"auth_credentials": {"username": "other", "password": MASK}})
    assert changed.settings["auth_credentials"] == {"username": "other", "password": "secret"}
