import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from estafeta_core.store.rows import Transmission
from estafeta_postfix.receipt import relay, upstream
from estafeta_postfix.receipt.relay import FAULT, Conversation, Relay
from estafeta_postfix.receipt.upstream import stuffed
from estafeta_postfix.receipt.wording import Wording
from estafeta_testing.behind import CLOSE, EHLO, SILENCE, Behind, until

ENVELOPE = (b"EHLO mx", b"MAIL FROM:<a@example.com>", b"RCPT TO:<b@example.net>", b"DATA")
DEFERRED = FAULT.encode()


class Empty:
    """A store without transmissions, so that a receipt is recognised by being none."""

    def find_transmission(self, id_text: str) -> Transmission | None:
        return None


class Client:
    """smtpd's side of one session."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def reply(self) -> bytes:
        lines = [await self.reader.readline()]
        while lines[-1][3:4] == b"-":
            lines.append(await self.reader.readline())
        return b"".join(lines).removesuffix(b"\r\n")

    async def command(self, line: bytes) -> bytes:
        self.writer.write(line + b"\r\n")
        return await self.reply()

    async def message(self, content: bytes) -> bytes:
        for line in ENVELOPE:
            reply = await self.command(line)
            if reply[:1] not in b"23":
                return reply
        self.writer.write(content + b".\r\n")
        return await self.reply()


class Proxy:
    """The proxy's server without its daemon, before one listener."""

    def __init__(self, behind: Behind) -> None:
        self.behind = behind
        self.path = behind.path.with_name("proxy.sock")
        self.open: set[Relay] = set()

    def relay(self) -> Relay:
        made = Relay(Conversation(self.behind.path, Wording(Empty(), lambda: 0)), "mx", self.open.discard)
        self.open.add(made)
        return made

    def run(self, session: Callable[[Client], Awaitable[None]]) -> None:
        """Have `session` talk to the proxy, and see that nothing is left of it."""

        async def run() -> None:
            async with self.behind.running():
                server = await asyncio.get_running_loop().create_unix_server(self.relay, str(self.path))
                client = Client(*await asyncio.open_unix_connection(str(self.path)))
                assert await client.reply() == b"220 mx ESMTP"
                await session(client)
                client.writer.close()
                await until(lambda: not self.open)
                server.close()

        asyncio.run(run())


@pytest.fixture
def proxy(behind: Behind) -> Proxy:
    return Proxy(behind)


def test_everything_is_handed_on_as_it_came_and_replies_come_back_as_they_are(
    proxy: Proxy, behind: Behind
) -> None:
    mail = b'MAIL FROM:<"a \\"b@c"@example.com> SIZE=20 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ314159'
    recipients = (
        b"RCPT TO:<b@example.net> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b@example.net",
        "RCPT TO:<ñandú@example.net>".encode(),
        b"RCPT TO: c@example.net",
    )
    behind.answers[b"MAIL"] = b"250-2.1.0 one\r\n250 2.1.0 two\r\n"

    async def session(client: Client) -> None:
        assert await client.command(b"EHLO mx.example.com") == EHLO.removesuffix(b"\r\n")
        assert await client.command(b"XFORWARD NAME=client ADDR=192.0.2.1") == b"250 2.1.0 Ok"
        assert await client.command(mail) == b"250-2.1.0 one\r\n250 2.1.0 two"
        for line in recipients:
            assert await client.command(line) == b"250 2.1.0 Ok"
        assert (await client.command(b"DATA")).startswith(b"354")
        client.writer.write(b"Subject: x\r\n\r\nbody\r\n.\r\n")
        assert await client.reply() == b"250 OK"
        assert await client.command(b"QUIT") == b"221 Bye"

    proxy.run(session)
    assert behind.said == [
        b"EHLO mx.example.com",
        b"XFORWARD NAME=client ADDR=192.0.2.1",
        mail,
        *recipients,
        b"DATA",
        b"QUIT",
    ]


@pytest.mark.parametrize(
    ("said", "handed_on"),
    [
        (b"MAIL FROM:<a@b> AUTH=<>", b"MAIL FROM:<a@b>"),
        (b"MAIL FROM:<a@b> SIZE=5 auth=a@b BODY=7BIT", b"MAIL FROM:<a@b> SIZE=5 BODY=7BIT"),
        (b"MAIL from: a@b AUTH=a+3Db", b"MAIL from: a@b"),
        (b'MAIL FROM:<"x AUTH=y"@b> AUTH=<>', b'MAIL FROM:<"x AUTH=y"@b>'),
        (b'MAIL FROM:<"x AUTH=y"@b>', b'MAIL FROM:<"x AUTH=y"@b>'),
        (b"MAIL FROM:<> ENVID=AUTH=x", b"MAIL FROM:<> ENVID=AUTH=x"),
    ],
)
def test_who_vouches_for_the_sender_is_not_told_where_nobody_logs_in(
    proxy: Proxy, behind: Behind, said: bytes, handed_on: bytes
) -> None:
    async def session(client: Client) -> None:
        await client.command(b"EHLO mx")
        await client.command(said)

    proxy.run(session)
    assert behind.said[1] == handed_on


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from([b".", b"..\r\n", b"a\r\n", b"\r", b"\n", b"\0", b"\xe9\xff", b"\r\n", b"x" * 3000])
    )
)
def test_a1_a_message_goes_through_byte_for_byte(proxy: Proxy, behind: Behind, pieces: list[bytes]) -> None:
    content = b"".join(pieces) + b"\r\n"
    sent = stuffed(content)
    behind.messages.clear()
    behind.path.unlink(missing_ok=True)
    proxy.path.unlink(missing_ok=True)

    async def session(client: Client) -> None:
        assert await client.message(sent) == b"250 OK"

    proxy.run(session)
    assert behind.messages == [sent]


def test_a_message_of_one_long_line_goes_through(proxy: Proxy, behind: Behind) -> None:
    content = b"x" * 3_000_000 + b"\r\n"

    async def session(client: Client) -> None:
        assert await client.message(content) == b"250 OK"

    proxy.run(session)
    assert behind.messages == [content]


@pytest.mark.parametrize(
    ("verb", "answer"),
    [
        (b"MAIL", b"421 4.3.2 Service is being restarted, try again"),
        (b"RCPT", b"452 4.5.3 Error: too many recipients"),
        (b"DATA", b"451 4.7.1 Service unavailable - try again later"),
        (b".", b"500 Internal error - El mensaje debe contener texto plano y texto HTML"),
        (b".", b"550-one\r\n550 two"),
    ],
)
def test_refusals_are_passed_on_word_for_word(
    proxy: Proxy, behind: Behind, verb: bytes, answer: bytes
) -> None:
    behind.answers[verb] = answer + b"\r\n"

    async def session(client: Client) -> None:
        assert await client.message(b"x\r\n") == answer

    proxy.run(session)


@pytest.mark.parametrize("answer", [CLOSE, SILENCE, b"garbage\r\n"])
@pytest.mark.parametrize("verb", [b"BANNER", b"EHLO", b"MAIL", b"RCPT", b"DATA", b"."])
def test_without_the_listener_everything_is_deferred_and_nothing_ends_well(
    proxy: Proxy, behind: Behind, verb: bytes, answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream, "REPLY", 0.2)
    behind.answers[verb] = answer

    async def session(client: Client) -> None:
        assert await client.message(b"x\r\n") == DEFERRED
        assert await client.command(b"RSET") == DEFERRED, "the connection behind is gone"

    proxy.run(session)


def test_a_bug_defers_the_message_and_is_logged(
    proxy: Proxy, behind: Behind, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(upstream.Upstream, "content", broken)

    async def session(client: Client) -> None:
        assert await client.message(b"x\r\n") == DEFERRED

    proxy.run(session)
    assert "ZeroDivisionError" in caplog.text
    assert behind.messages == []


def test_one_session_may_carry_several_messages(proxy: Proxy, behind: Behind) -> None:
    async def session(client: Client) -> None:
        assert await client.message(b"one\r\n") == b"250 OK"
        for line in ENVELOPE[1:]:
            await client.command(line)
        client.writer.write(b"two\r\n.\r\n")
        assert await client.reply() == b"250 OK"
        assert await client.command(b"DATA") == b"503 Error: need RCPT command", "its envelope is its own"

    proxy.run(session)
    assert behind.messages == [b"one\r\n", b"two\r\n"]


def test_rset_forgets_the_envelope_on_both_sides(proxy: Proxy, behind: Behind) -> None:
    async def session(client: Client) -> None:
        for line in ENVELOPE[:3]:
            await client.command(line)
        assert await client.command(b"RSET") == b"250 2.1.0 Ok"
        assert (await client.command(b"DATA")).startswith(b"503")

    proxy.run(session)
    assert behind.said[-2:] == [b"RSET", b"QUIT"]


@pytest.mark.parametrize("said", range(len(ENVELOPE) + 1))
def test_a10_who_leaves_before_the_final_dot_leaves_nothing(proxy: Proxy, behind: Behind, said: int) -> None:
    async def session(client: Client) -> None:
        for line in ENVELOPE[:said]:
            await client.command(line)
        client.writer.write(b"Subject: half a")
        client.writer.close()
        await until(lambda: not proxy.open)
        await until(lambda: behind.gone == (1 if said else 0))

    proxy.run(session)
    assert behind.messages == []


def test_a_session_that_says_nothing_ends(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "PATIENCE", 0.1)

    async def session(client: Client) -> None:
        assert await client.reader.read() == b""

    proxy.run(session)
