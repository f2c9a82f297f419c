import asyncio
import logging
from pathlib import Path

import pytest

from estafeta_postfix import ports
from estafeta_postfix.capture.answering import DELAY, Answering
from estafeta_postfix.capture.outbox import Outbox
from estafeta_postfix.capture.server import serve
from estafeta_postfix.capture.session import Message

SENDER = "b+t@bounce.example.com"


def message(*recipients: str, sender: str = SENDER) -> Message:
    return Message(sender.encode(), tuple(map(str.encode, recipients)), b"Subject: x\r\n\r\nx\r\n")


@pytest.mark.parametrize(
    ("recipient", "sent"),
    [
        ("oob@example.net", [("", SENDER)]),
        ("OOB.7@example.net", [("", SENDER)]),
        ("complaint@example.net", [("feedback@capture.invalid", "fbl@bounce.example.com")]),
        ("Complaint+x@example.net", [("feedback@capture.invalid", "fbl@bounce.example.com")]),
        ("alice@example.net", []),
        ("notoob@example.net", []),
    ],
)
def test_the_local_part_decides_who_complains(recipient: str, sent: list[tuple[str, str]]) -> None:
    found = Answering("127.0.0.1", 9, "bounce.example.com").reports(message(recipient))
    assert [(report.sender, report.recipient) for report in found] == sent


def test_each_recipient_complains_for_himself_and_a_notice_is_never_answered() -> None:
    answering = Answering("127.0.0.1", 9, "bounce.example.com")
    assert len(answering.reports(message("oob.a@x", "oob.b@x", "complaint@x", "other@x"))) == 3
    assert answering.reports(message("oob@x", sender="")) == []


def test_reports_are_sent_a_moment_after_the_message(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await serve(Outbox(tmp_path), "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            answering = Answering("127.0.0.1", port, "bounce.example.com")
            answering.taken(message("oob@example.net", "complaint@example.net"))
            assert list((tmp_path / "new").iterdir()) == []
            await asyncio.sleep(DELAY + 1.0)

    asyncio.run(scenario())
    kept = sorted(path.read_bytes().splitlines()[1] for path in (tmp_path / "new").iterdir())
    assert kept == [f"Delivered-To: {SENDER}".encode(), b"Delivered-To: fbl@bounce.example.com"]


def test_what_is_not_taken_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    [nobody] = ports.take(1)

    async def scenario() -> None:
        Answering("127.0.0.1", nobody, "bounce.example.com").taken(message("oob@example.net"))
        await asyncio.sleep(DELAY + 0.5)

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())
    assert f"a report to <{SENDER}> is not taken" in caplog.text
