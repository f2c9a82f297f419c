"""Limits that several hosts share, counted by a Redis or Valkey server: a script, which is one step for it.

    EVALSHA script, a key for each bound, the number, and for each bound its limit and its window (ms)

All bounds of a decision are asked in one round trip, and counted when none refuses, so a refusal by one uses
up no other. A window is a key that expires: it opens with the first recipient counted in it, by the server's
clock, and is the same one to all hosts. Decisions share a connection and are answered in order (pipelining).

The server is away when it cannot be reached, does not answer within `timeout`, or answers with an error
(memory full, read-only, loading). Then nobody waits for it: whoever asked gets an AwayError at once, the log
says so once, and a new connection is tried once a second. It is used again when it has answered that script,
with a write, in time. A server that comes back empty begins every window anew.

hiredis does the protocol: redis-py costs seven times as much a decision (docs/performance.md).
"""

import asyncio
import logging
import math
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, cast

import hiredis

from estafeta_core import redis_url
from estafeta_core.config.schema import SharedLimits
from estafeta_core.redis_url import RedisPlace
from estafeta_policy.limits import AwayError, Bound, Exceeded

CONNECT_TIMEOUT = 1.0  # seconds for TCP, TLS, login and the first answer together
NO_SERVER = "what answers is no Redis server"
RETRY_EVERY = 1.0  # seconds between two beginnings of a connection

# Returns which bound refuses longest and for how many ms, or 0 when all have counted. A value is set
# together with its end, so no key stays for ever. A key that has no end is nobody's window, and begins now.
SCRIPT = b"""
local number = tonumber(ARGV[1])
local refusing, longest = 0, -1
local running = {}
for place, key in ipairs(KEYS) do
    local count, wait = 0, redis.call('PTTL', key)
    running[place] = wait > 0
    if running[place] then
        count = tonumber(redis.call('GET', key))
    else
        wait = tonumber(ARGV[2 * place + 1])
    end
    if count + number > tonumber(ARGV[2 * place]) and wait > longest then
        refusing, longest = place, wait
    end
end
if refusing > 0 then
    return {refusing, longest}
end
for place, key in ipairs(KEYS) do
    if running[place] then
        redis.call('INCRBY', key, number)
    else
        redis.call('SET', key, number, 'PX', ARGV[2 * place + 1])
    end
end
return {0, 0}
"""
_QUOTING = ", with args beginning with"  # what a server that knows no AUTH says before the password
_PROBE = (Bound(("probe", 1), "", 1_000_000),)
_AWAY = (AwayError, OSError, TimeoutError)

_pack: Callable[[Any], bytes] = hiredis.pack_command  # its types allow one word alone

log = logging.getLogger(__name__)

Outcome = Exceeded | None


class _Link(asyncio.Protocol):
    """One connection: commands out, replies in the same order, until one is late or an error."""

    def __init__(self, loop: asyncio.AbstractEventLoop, timeout: float) -> None:
        self._loop = loop
        self._timeout = timeout
        self._reader = hiredis.Reader()
        self._pending: deque[tuple[float, Callable[[Any], None]]] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self.lost: asyncio.Future[AwayError] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # a stream socket's is no other

    def ask(self, command: Sequence[bytes], then: Callable[[Any], None]) -> None:
        """Have `then` called with the reply, or with an AwayError, which may be at once."""
        if self.lost.done() or self._transport is None:
            then(AwayError("the connection is closed"))
            return
        now = self._loop.time()
        self._pending.append((now, then))
        self._transport.write(_pack(tuple(command)))
        if self._watch is None:
            self._watch = self._loop.call_at(now + self._timeout, self._look)

    async def reply(self, *command: bytes) -> Any:
        """Return the reply to `command`; AwayError when there is none."""
        future: asyncio.Future[Any] = self._loop.create_future()

        def take(found: Any) -> None:
            if not future.done():  # given up meanwhile
                future.set_result(found)

        self.ask(command, take)
        found = await future
        if isinstance(found, AwayError):
            raise found
        return found

    def data_received(self, data: bytes) -> None:
        """Give each reply to whoever asked first."""
        try:
            self._reader.feed(data)
            while self._pending and (reply := self._reader.gets()) is not False:
                if isinstance(reply, hiredis.ReplyError):
                    self.lose(f"it answers {str(reply).partition(_QUOTING)[0]}")
                    return
                self._pending.popleft()[1](reply)
        except hiredis.ProtocolError as error:
            self.lose(f"{NO_SERVER}: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell those who wait."""
        self.lose(str(exc or "it closed the connection"))

    def lose(self, why: str) -> None:
        """Close at once, and have everybody who waits told why."""
        if self.lost.done():
            return
        error = AwayError(why)
        self.lost.set_result(error)
        if self._watch is not None:
            self._watch.cancel()
        if self._transport is not None:
            self._transport.abort()
        while self._pending:
            self._pending.popleft()[1](error)

    def _look(self) -> None:
        """See whether the reply that is waited for longest is late."""
        self._watch = None
        if not self._pending:
            return
        due = self._pending[0][0] + self._timeout
        if due <= self._loop.time():
            self.lose(f"it did not answer within {self._timeout:g} s")
        else:
            self._watch = self._loop.call_at(due, self._look)


class SharedCounters:
    """Every open window, as the server of `settings` holds them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, settings: SharedLimits) -> None:
        """Begin to connect; until the first try is over, those who ask wait for it."""
        self._loop = loop
        self._place = redis_url.parse(settings.store)
        self._timeout = settings.timeout
        self._instead = instead(settings)
        self._link: _Link | None = None
        self._script = b""  # its name on the server
        self._early: list[tuple[Sequence[Bound], int, Callable[[Outcome | AwayError], None]]] | None = []
        self._told = False  # that it is away
        self._task = loop.create_task(self._keep())

    @property
    def away(self) -> bool:
        """Whether asking is of no use now."""
        return self._early is None and (self._link is None or self._link.lost.done())

    def take(self, asked: Sequence[Bound], number: int, then: Callable[[Outcome | AwayError], None]) -> None:
        """Count `number` recipients against every bound, or none; `then` is called once, with the outcome."""
        if self._early is not None:
            self._early.append((asked, number, then))
        elif self._link is None:
            then(AwayError("there is no connection"))
        else:
            self._link.ask(_command(self._script, asked, number), lambda reply: then(_outcome(asked, reply)))

    def close(self) -> None:
        """Ask no more; who still waits gets an AwayError."""
        if self._link is not None:  # before the task, whose end would take the future it waits for with it
            self._link.lose("the daemon ends")
        self._task.cancel()
        self._settle_early()

    async def _keep(self) -> None:
        """Have a connection, always."""
        while True:
            begun = self._loop.time()
            try:
                self._link, self._script = await _open(self._loop, self._place, self._timeout)
            except _AWAY as error:
                self._gone(_reason(error))
            except Exception:  # a bug here may cost the connection; nobody waits for it for ever
                log.exception("limits.store: no connection can be tried")
                self._gone("of a bug")
            else:
                if self._told:
                    log.warning("limits.store: %s answers again; limits are counted there", self._place)
                self._told = False
                self._settle_early()
                self._gone(str(await self._link.lost))
            await asyncio.sleep(max(0.0, begun + RETRY_EVERY - self._loop.time()))

    def _gone(self, why: str) -> None:
        self._link = None
        if not self._told:
            log.error("limits.store: %s is away: %s; %s", self._place, why, self._instead)
            self._told = True
        self._settle_early()

    def _settle_early(self) -> None:
        """Ask for those who came before the first try was over."""
        early, self._early = self._early or (), None
        for asked, number, then in early:
            self.take(asked, number, then)


def instead(settings: SharedLimits) -> str:
    """Return what is done while the server is away."""
    if settings.away == "defer":
        return "what limits apply to is put off"
    return f"each of {settings.hosts} hosts counts its share of every limit"


def why_away(settings: SharedLimits) -> str:
    """Return why the server of `settings` cannot be used now, asked as a daemon asks; "" if it can be."""

    async def ask() -> None:
        link, _ = await _open(asyncio.get_running_loop(), redis_url.parse(settings.store), settings.timeout)
        link.lose("it was only asked")

    try:
        asyncio.run(ask())
    except _AWAY as error:
        return _reason(error)
    return ""


def _reason(error: Exception) -> str:
    return str(error) or f"no connection within {CONNECT_TIMEOUT:g} s"


async def _open(loop: asyncio.AbstractEventLoop, place: RedisPlace, patience: float) -> tuple[_Link, bytes]:
    """Return a connection that has answered with a write, and the script's name; one of _AWAY without."""
    link = _Link(loop, patience)
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await _connect(loop, link, place)
            for command in _greeting(place):
                await link.reply(*command)
            script = await link.reply(b"SCRIPT", b"LOAD", SCRIPT)
            if not isinstance(script, bytes):
                raise AwayError(NO_SERVER)
            outcome = _outcome(_PROBE, await link.reply(*_command(script, _PROBE, 1)))
            if isinstance(outcome, AwayError):
                raise outcome
    except BaseException:
        link.lose("it was given up")
        raise
    return link, script


async def _connect(loop: asyncio.AbstractEventLoop, link: _Link, place: RedisPlace) -> None:
    if place.path:
        await loop.create_unix_connection(lambda: link, place.path)
        return
    context = ssl.create_default_context() if place.tls else None
    await loop.create_connection(lambda: link, place.host, place.port, ssl=context)


def _greeting(place: RedisPlace) -> list[tuple[bytes, ...]]:
    """Return what is said first: who we are, and which database."""
    commands: list[tuple[bytes, ...]] = []
    if place.password:
        login = [word.encode() for word in (place.username, place.password) if word]
        commands.append((b"AUTH", *login))
    if place.database:
        commands.append((b"SELECT", b"%d" % place.database))
    return commands


def _command(script: bytes, asked: Sequence[Bound], number: int) -> list[bytes]:
    command = [b"EVALSHA", script, b"%d" % len(asked)]
    for bound in asked:
        who, seconds = bound.key
        command.append(f"estafeta:{who}:{seconds}".encode("utf-8", "surrogateescape"))
    command.append(b"%d" % number)
    for bound in asked:
        command += (b"%d" % bound.limit, b"%d" % (bound.key[1] * 1000))
    return command


def _outcome(asked: Sequence[Bound], reply: Any) -> Outcome | AwayError:
    """Return what a reply of the script says of `asked`."""
    match reply:
        case AwayError():
            return reply
        case [0, int()]:
            return None
        case [int(refusing), int(wait)] if 0 < refusing <= len(asked):
            return Exceeded(asked[refusing - 1], max(1, math.ceil(wait / 1000)))
        case _:
            return AwayError(NO_SERVER)
