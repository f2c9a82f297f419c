import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_postfix.receipt import upstream
from estafeta_postfix.receipt.upstream import Reply, Upstream, stuffed
from estafeta_testing.behind import CLOSE, EHLO, SILENCE, Behind, until


def test_commands_and_a_message_go_out_and_replies_come_in(behind: Behind) -> None:
    async def run() -> list[Reply]:
        async with behind.running():
            connection = await Upstream.connect(behind.path)
            replies = [await connection.command(line) for line in (b"EHLO mx", b"MAIL FROM:<a@b>", b"DATA")]
            replies.append(await connection.content(b"Subject: x\r\n\r\nbody\r\n"))
            connection.close()
            await until(lambda: behind.gone)
            return replies

    ehlo, mail, data, end = asyncio.run(run())
    assert ehlo == Reply(250, tuple(EHLO.split(b"\r\n")[:-1]))
    assert bytes(ehlo) == EHLO.removesuffix(b"\r\n")
    assert (mail.code, data.code) == (250, 354)
    assert end == Reply(250, (b"250 2.0.0 Ok: queued as 4Xq",))
    assert behind.said == [b"EHLO mx", b"MAIL FROM:<a@b>", b"DATA", b"QUIT"]
    assert behind.messages == [b"Subject: x\r\n\r\nbody\r\n"]


CONTENT = st.lists(st.sampled_from([b".", b"..", b"a", b"\r", b"\n", b"\0", b"\xe9", b"\r\n"])).map(b"".join)


@given(CONTENT)
def test_no_content_ends_a_message_before_its_end_and_none_is_altered(content: bytes) -> None:
    whole = content + b"\r\n"
    sent = stuffed(whole)
    assert b"\r\n.\r\n" not in b"\r\n" + sent
    unstuffed = b"".join(re.sub(rb"\A\.", b"", line) for line in re.findall(rb".*?\r\n", sent, re.DOTALL))
    assert unstuffed == whole


@pytest.mark.parametrize(
    ("what", "answer"),
    [
        (b"BANNER", b"421 4.3.2 too busy\r\n"),
        (b"BANNER", CLOSE),
        (b"MAIL", CLOSE),
        (b"MAIL", b"250-half a reply\r\n" + CLOSE),
        (b"MAIL", b"garbage\r\n"),
        (b"MAIL", b"250-x\r\n" * 2000),
        (b"MAIL", b"250 " + b"x" * 100_000 + b"\r\n"),
        (b"MAIL", SILENCE),
    ],
)
def test_what_is_no_reply_is_an_error_of_the_connection(
    behind: Behind, what: bytes, answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream, "REPLY", 0.2)
    behind.answers[what] = answer

    async def run() -> None:
        async with behind.running():
            connection = await Upstream.connect(behind.path)
            try:
                await connection.command(b"MAIL FROM:<a@b>")
            finally:
                connection.close()

    with pytest.raises(OSError, match=r".*"):
        asyncio.run(run())


def test_nobody_there_is_an_error_of_the_connection(behind: Behind) -> None:
    with pytest.raises(OSError, match="No such file"):
        asyncio.run(Upstream.connect(behind.path))


def test_who_goes_while_a_message_is_being_sent_does_not_end_it(behind: Behind) -> None:
    """What waits to be sent holds the final dot: it must not leave when nobody waits for the answer."""
    behind.answers[b"DATA"] = b"354 go ahead\r\n"

    async def run() -> None:
        async with behind.running():
            connection = await Upstream.connect(behind.path)
            await connection.command(b"DATA")
            sending = asyncio.create_task(connection.content(b"x" * 5_000_000 + b"\r\n"))
            await asyncio.sleep(0)
            sending.cancel()
            connection.close()
            await until(lambda: behind.gone)

    asyncio.run(run())
    assert behind.messages == []
