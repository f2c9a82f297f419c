import asyncio

import pytest
from starlette.requests import Request

from estafeta_web.body import Refused
from estafeta_web.pages import forms

BASE = "https://click.example.com"


def request(headers: dict[str, str], body: bytes = b"") -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body}

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site", "origin": BASE}, False),
        ({"origin": BASE, "host": "10.0.0.1:8025"}, True),
        ({"origin": "http://10.0.0.1:8025", "host": "10.0.0.1:8025"}, True),
        ({"origin": "https://evil.example", "host": "click.example.com"}, False),
        ({"origin": "null", "host": "null"}, False),
        ({"origin": "", "host": ""}, False),
        ({"host": "click.example.com"}, False),
    ],
)
def test_h14_a_form_is_ours_when_the_browser_says_so(headers: dict[str, str], ours: bool) -> None:
    assert forms.is_ours(request(headers), BASE) is ours


def fields(body: bytes) -> dict[str, str]:
    return dict(asyncio.run(forms.fields(request({"sec-fetch-site": "same-origin"}, body), BASE)))


def test_the_fields_of_a_form_are_read() -> None:
    assert fields(b"a=1&b=%C3%B1+x&a=2&c=") == {"a": "2", "b": "ñ x"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"a=\xff", 400),
        (b"&".join(b"%d=1" % number for number in range(forms.FIELDS + 1)), 400),
        (b"x" * (forms.BODY_BYTES + 1), 413),
    ],
)
def test_what_no_form_of_ours_sends_is_refused(body: bytes, status: int) -> None:
    with pytest.raises(Refused) as refused:
        fields(body)
    assert refused.value.status == status
