import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from estafeta_web import body
from estafeta_web.body import Refused


def read(*messages: Message, limit: int = 10, seconds: float = 5.0) -> bytes:
    waiting = list(messages)

    async def receive() -> Message:
        if not waiting:
            await asyncio.sleep(60)
        return waiting.pop(0)

    return asyncio.run(body.read(Request({"type": "http", "headers": []}, receive), limit, seconds))


def chunk(content: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": content, "more_body": more}


def test_a_body_is_read_whole() -> None:
    assert read(chunk(b"12345", more=True), chunk(b"67890")) == b"1234567890"


@pytest.mark.parametrize(
    ("messages", "status"),
    [
        ([chunk(b"12345", more=True), chunk(b"678901")], 413),
        ([chunk(b"1", more=True)], 408),
        ([chunk(b"1", more=True), {"type": "http.disconnect"}], 408),
    ],
)
def test_a_body_that_is_too_long_or_does_not_come_is_refused(messages: list[Message], status: int) -> None:
    with pytest.raises(Refused) as refused:
        read(*messages, seconds=0.05)
    assert refused.value.response.status_code == status
    assert refused.value.response.headers["connection"] == "close"
