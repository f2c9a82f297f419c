import asyncio
import contextlib
import itertools
import logging
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest

from estafeta_core.config.schema import SharedLimits
from estafeta_policy import shared_limits
from estafeta_policy.limits import AwayError, Bound, Exceeded
from estafeta_policy.shared_limits import SharedCounters
from estafeta_testing.redis_server import RedisServer, redis_server

PATIENT = 10.0  # seconds; a loaded machine must not make a server that works look away
HASTY = 0.3
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_limits, "RETRY_EVERY", 0.05)
    monkeypatch.setattr(shared_limits, "CONNECT_TIMEOUT", PATIENT)


def bounds(*limits: int, seconds: int = 60) -> list[Bound]:
    """Return bounds that nothing has counted against yet."""
    return [Bound((f"credential acme/{next(NUMBERS)}", seconds), "Per-minute", limit) for limit in limits]


@contextlib.asynccontextmanager
async def counters(
    url: str, seconds: float = PATIENT, away: Literal["share", "defer"] = "share"
) -> AsyncIterator[SharedCounters]:
    settings = SharedLimits(store=url, timeout=seconds, hosts=2, away=away)
    made = SharedCounters(asyncio.get_running_loop(), settings)
    try:
        yield made
    finally:
        made.close()
        await asyncio.sleep(0.01)  # sockets are closed in the next rounds of the loop


async def take(shared: SharedCounters, asked: list[Bound], number: int = 1) -> Exceeded | AwayError | None:
    future: asyncio.Future[Exceeded | AwayError | None] = asyncio.get_running_loop().create_future()
    shared.take(asked, number, future.set_result)
    return await asyncio.wait_for(future, 30)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.01)


def run(work: Awaitable[None]) -> None:
    async def guarded() -> None:
        await asyncio.wait_for(work, 60)

    asyncio.run(guarded())


def test_g4_two_hosts_let_exactly_a_hundred_of_two_hundred_pass(shared_server: RedisServer) -> None:
    async def work() -> None:
        asked = bounds(100)
        async with counters(shared_server.url) as one, counters(shared_server.url) as other:
            outcomes = await asyncio.gather(*(take(host, asked) for _ in range(100) for host in (one, other)))
        assert outcomes.count(None) == 100
        assert all(isinstance(outcome, Exceeded) for outcome in outcomes if outcome)

    run(work())


def test_a_refusal_names_the_bound_that_ends_last_and_uses_up_no_other(shared_server: RedisServer) -> None:
    async def work() -> None:
        minute, hour, free = bounds(1)[0], bounds(1, seconds=3600)[0], bounds(5)[0]
        async with counters(shared_server.url) as shared:
            assert await take(shared, [minute, hour]) is None
            for _ in range(9):
                refused = await take(shared, [free, minute, hour])
                assert isinstance(refused, Exceeded)
                assert refused.bound == hour
                assert 3590 <= refused.retry_after <= 3600
            assert await take(shared, [free], 5) is None, "what was refused took nothing of it"
            assert isinstance(await take(shared, [free]), Exceeded)

    run(work())


def test_recipients_asked_for_together_pass_together_or_not_at_all(shared_server: RedisServer) -> None:
    async def work() -> None:
        asked = bounds(5)
        async with counters(shared_server.url) as shared:
            assert await take(shared, asked, 3) is None
            assert isinstance(await take(shared, asked, 3), Exceeded)
            assert await take(shared, asked, 2) is None

    run(work())


def test_a_window_ends_by_the_servers_clock_and_leaves_no_key(shared_server: RedisServer) -> None:
    async def work() -> None:
        asked = bounds(1, seconds=1)
        key = f"estafeta:{asked[0].key[0]}:1"
        async with counters(shared_server.url) as shared:
            assert await take(shared, asked) is None
            assert shared_server.cli("PTTL", key) != "-1", "no window stays for ever"
            async with asyncio.timeout(20):
                while await take(shared, asked) is not None:  # noqa: ASYNC110 - nor does another's clock
                    await asyncio.sleep(0.05)
            shared_server.cli("PERSIST", key)
            assert await take(shared, asked) is None, "what has no end is no window"
            assert 0 < int(shared_server.cli("PTTL", key)) <= 1000

    run(work())


def test_names_that_are_no_utf_8_are_counted_too(shared_server: RedisServer) -> None:
    async def work() -> None:
        asked = [Bound((f"domain acme caf\udce9{next(NUMBERS)}.example", 60), "Per-minute", 1)]
        async with counters(shared_server.url) as shared:
            assert await take(shared, asked) is None
            assert isinstance(await take(shared, asked), Exceeded)

    run(work())


def test_a_killed_server_is_away_at_once_and_used_again_when_it_is_back_empty(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(server: RedisServer) -> None:
        asked = bounds(1)
        async with counters(server.url, away="defer") as shared:
            assert await take(shared, asked) is None
            server.kill()
            for _ in range(20):
                assert isinstance(await take(shared, asked), AwayError)
            await until(lambda: shared.away)
            await asyncio.sleep(0.3)
            await asyncio.to_thread(server.start)
            await until(lambda: not shared.away)
            assert await take(shared, asked) is None, "a server without memory begins anew"
            assert isinstance(await take(shared, asked), Exceeded)

    with redis_server(tmp_path) as server:
        run(work(server))
    away, again = [record.message for record in caplog.records]
    assert away.startswith(f"limits.store: {server.url} is away: ")
    assert away.endswith("; what limits apply to is put off")
    assert again == f"limits.store: {server.url} answers again; limits are counted there"


def test_a_server_that_stands_still_costs_its_time_out_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(server: RedisServer) -> None:
        asked = bounds(1000)
        async with counters(server.url, HASTY) as shared:
            await until(lambda: shared._early is None)
            with server.held():
                outcomes = await asyncio.gather(*(take(shared, asked) for _ in range(50)))
                assert all(isinstance(outcome, AwayError) for outcome in outcomes)
                await until(lambda: shared.away)
                assert isinstance(await take(shared, asked), AwayError)
                await asyncio.sleep(3 * HASTY)
                assert shared.away, "the kernel takes connections for it, and nobody answers them"
            await until(lambda: not shared.away)
            await until(lambda: not caplog.records or "again" in caplog.records[-1].message)

    with redis_server(tmp_path) as server:
        run(work(server))
    assert "did not answer within 0.3 s; each of 2 hosts counts its share of every limit" in caplog.text


def test_a_server_that_answers_too_slowly_stays_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand on what is said, and the answers a second late."""
        server_reader, server_writer = await asyncio.open_unix_connection(server.path)
        with (
            contextlib.closing(server_writer),
            contextlib.closing(writer),
            contextlib.suppress(ConnectionError),
        ):
            while data := await reader.read(65536):
                server_writer.write(data)
                answer = await server_reader.read(65536)
                await asyncio.sleep(delay[0])
                writer.write(answer)

    async def work() -> None:
        proxy = await asyncio.start_unix_server(slow, tmp_path / "slow.sock")
        async with counters(f"unix://{tmp_path}/slow.sock", HASTY) as shared:
            await until(lambda: shared._early is None)
            await asyncio.sleep(4 * HASTY)
            assert shared.away
            assert len(caplog.records) == 1, "said once"
            delay[0] = 0.0
            await until(lambda: not shared.away)
            assert await take(shared, bounds(1)) is None
        proxy.close()
        await asyncio.sleep(0.05)

    delay = [1.0]
    with redis_server(tmp_path) as server:
        run(work())


def test_a_server_whose_memory_is_full_stays_away_until_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(server: RedisServer) -> None:
        async with counters(server.url) as shared:
            assert await take(shared, bounds(1)) is None
            server.cli("CONFIG", "SET", "maxmemory", "1")
            assert isinstance(await take(shared, bounds(1)), AwayError)
            await asyncio.sleep(0.3)
            assert shared.away
            server.cli("CONFIG", "SET", "maxmemory", "0")
            await until(lambda: not shared.away)
            assert await take(shared, bounds(1)) is None

    with redis_server(tmp_path, "--maxmemory-policy", "noeviction") as server:
        run(work(server))
    assert "it answers OOM command not allowed" in caplog.text
    assert len(caplog.records) == 2


def test_a_server_that_forgot_the_script_is_told_it_again(shared_server: RedisServer) -> None:
    async def work() -> None:
        async with counters(shared_server.url) as shared:
            assert await take(shared, bounds(1)) is None
            shared_server.cli("SCRIPT", "FLUSH")
            assert isinstance(await take(shared, bounds(1)), AwayError)
            await until(lambda: not shared.away)
            assert await take(shared, bounds(1)) is None

    run(work())


def test_login_and_database_come_from_the_url_and_no_log_has_the_password(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def work(server: RedisServer) -> None:
        async with counters(f"unix://limits:s%40cret@{server.path}?db=3") as shared:
            asked = bounds(1)
            assert await take(shared, asked) is None
            keys = server.cli(
                "--user", "limits", "--pass", "s@cret", "--no-auth-warning", "-n", "3", "KEYS", "*"
            )
            assert f"estafeta:{asked[0].key[0]}:60" in keys
        async with counters(f"unix://limits:wr0ng@{server.path}") as shared:
            assert isinstance(await take(shared, asked), AwayError)

    with redis_server(
        tmp_path, "--user", "limits", "on", ">s@cret", "~*", "+@all", "--user", "default", "off"
    ) as server:
        run(work(server))
    assert "it answers WRONGPASS" in caplog.text
    assert "cret" not in caplog.text
    assert "wr0ng" not in caplog.text


def test_a_bug_leaves_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch, shared_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(shared_limits, "_greeting", lambda place: [place.no_such_thing])
            async with counters(shared_server.url) as shared:
                assert isinstance(await take(shared, bounds(1)), AwayError)
                patch.undo()
                await until(lambda: not shared.away)

    run(work())
    assert "no connection can be tried" in caplog.text


def test_a_server_that_knows_no_login_has_no_log_show_the_password(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(server: RedisServer) -> None:
        async with counters(f"unix://:s%40cret@{server.path}") as shared:
            assert isinstance(await take(shared, bounds(1)), AwayError)

    with redis_server(tmp_path, "--rename-command", "AUTH", "") as server:
        run(work(server))
    assert "it answers ERR unknown command 'AUTH';" in caplog.text
    assert "cret" not in caplog.text


def test_tcp_and_tls_take_a_certificate_that_is_trusted_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, unused_port: int
) -> None:
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost"
    files = "-addext subjectAltName=DNS:localhost -keyout key.pem -out ca.pem"
    subprocess.run(f"{command} {files}".split(), cwd=tmp_path, check=True, capture_output=True)
    settings = ("--tls-port", str(unused_port), "--bind", "127.0.0.1", "--tls-cert-file", "ca.pem",
                "--tls-key-file", "key.pem", "--tls-auth-clients", "no")  # fmt: skip

    async def work() -> None:
        url = f"rediss://localhost:{unused_port}/0"
        async with counters(url) as shared:
            assert isinstance(await take(shared, bounds(1)), AwayError)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        async with counters(url) as shared:
            assert await take(shared, bounds(1)) is None

    with redis_server(tmp_path, *settings):
        run(work())
    assert "certificate verify failed" in caplog.text


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.mark.parametrize("said", [b"220 mx.example.com ESMTP\r\n", b"$-1\r\n" * 9])
def test_what_is_no_redis_server_is_away(
    tmp_path: Path, said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            await reader.read(1)
            writer.write(said)
            await reader.read()

    async def work() -> None:
        server = await asyncio.start_unix_server(other, tmp_path / "other.sock")
        async with counters(f"unix://{tmp_path}/other.sock") as shared:
            assert isinstance(await take(shared, bounds(1)), AwayError)
        server.close()
        await asyncio.sleep(0.05)

    run(work())
    assert "is away" in caplog.text
    assert "Traceback" not in caplog.text


def test_nobody_waits_for_a_server_that_is_not_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        async with counters(f"unix://{tmp_path}/nowhere.sock") as shared:
            assert isinstance(await take(shared, bounds(1)), AwayError)
            await asyncio.sleep(0.3)

    run(work())
    assert len(caplog.records) == 1


def test_who_waits_when_the_daemon_ends_is_told(shared_server: RedisServer) -> None:
    async def work() -> None:
        async with counters(shared_server.url) as shared:
            early = asyncio.create_task(take(shared, bounds(1)))
            await asyncio.sleep(0)
        assert isinstance(await early, AwayError)
        async with counters(shared_server.url) as shared:
            assert await take(shared, bounds(1)) is None
            with shared_server.held():
                late = asyncio.create_task(take(shared, bounds(1)))
                await asyncio.sleep(0)
                shared.close()
                assert isinstance(await late, AwayError)

    run(work())
