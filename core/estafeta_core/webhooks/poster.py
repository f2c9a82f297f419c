"""One POST to a checked address.

The name is resolved once, every address it leads to is checked (`guard`), and the connection goes to one of
those: a name that leads elsewhere a moment later changes nothing. `Host`, SNI and the certificate are those
of the name. Redirects are not followed, proxies of the environment are not used, and no connection is kept.

A receiver may be slow or hostile: the whole takes SECONDS at most, names included; at most ANSWER_BYTES
of an answer are read, and never unpacked. Certificates are checked against the system's authorities.

Raises Refused from the guard, and Unreachable for everything else that is no answer.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx2

from estafeta_core.webhooks import guard
from estafeta_core.webhooks.guard import Address, Guard

SECONDS = 10.0  # for a post, as SparkPost's
CONNECT_SECONDS = 4.0  # for one address of several, so that the next has its turn
ADDRESSES = 3  # of one name that are tried
ANSWER_BYTES = 64 * 1024  # of an answer's body; what it says beyond is not read
RESOLVERS = 100  # threads that wait for names; a name server that never answers holds one for half a minute

Resolve = Callable[[str, int], list[str]]


class Unreachable(Exception):  # noqa: N818 - it names a state that may pass
    """There was no answer; the text says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said."""

    status: int
    headers: dict[str, str]
    body: bytes  # the beginning, as it came

    @property
    def taken(self) -> bool:
        """Whether the receiver has what was posted: any 2xx says so."""
        return 200 <= self.status < 300


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host in the system's order; OSError where there are none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))


class Poster:
    """Posts for one process; `guard` may be replaced at any time."""

    def __init__(
        self, guard: Guard, *, tls: ssl.SSLContext | None = None, resolve: Resolve = resolve
    ) -> None:
        self.guard = guard
        self._tls = tls or ssl.create_default_context()
        self._resolve = resolve
        self._threads = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="webhook-names")

    async def check(self, target: str) -> list[Address]:
        """Return the addresses that posts to `target` may go to; Refused or Unreachable."""
        url = guard.parse(target)
        host, port = url.raw_host.decode("ascii"), guard.port(url)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(SECONDS):
                found = await loop.run_in_executor(self._threads, self._resolve, host.strip("[]"), port)
        except TimeoutError:
            raise Unreachable(f"the name {host} was not resolved in {SECONDS:g} s") from None
        except (OSError, UnicodeError) as error:
            raise Unreachable(f"the name {host} cannot be resolved: {_reason(error)}") from None
        return self.guard.check(found, port)

    async def post(self, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post `body` to `target` and return the answer; Refused or Unreachable."""
        try:
            async with asyncio.timeout(SECONDS):
                addresses = await self.check(target)
                return await self._post(guard.parse(target), addresses[:ADDRESSES], headers, body)
        except TimeoutError:
            raise Unreachable(f"no answer in {SECONDS:g} s") from None

    async def _post(
        self, url: httpx2.URL, addresses: list[Address], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Post to the first of the addresses that takes a connection."""
        failure: Exception | None = None
        for address in addresses:
            try:
                return await self._post_to(url, address, headers, body)
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                failure = error
            except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError) as error:
                raise Unreachable(_reason(error)) from error
        raise Unreachable(f"no connection: {_reason(failure)}") from failure

    async def _post_to(
        self, url: httpx2.URL, address: Address, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        own = {
            "Host": url.netloc.decode("ascii"),
            "User-Agent": "Estafeta",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        transport = httpx2.AsyncHTTPTransport(verify=self._tls, trust_env=False)
        request = httpx2.Request(
            "POST",
            url.copy_with(host=str(address)),
            headers={**headers, **own},
            content=body,
            extensions={
                "sni_hostname": url.raw_host.decode("ascii").strip("[]").rstrip("."),
                "timeout": httpx2.Timeout(SECONDS, connect=CONNECT_SECONDS).as_dict(),
            },
        )
        async with transport:
            response = await transport.handle_async_request(request)
            try:
                return Answer(response.status_code, dict(response.headers), await _beginning(response))
            finally:
                await response.aclose()


async def _beginning(response: httpx2.Response) -> bytes:
    """Return the first ANSWER_BYTES of a body, as they came."""
    read = bytearray()
    async for chunk in response.aiter_raw():
        read += chunk
        if len(read) >= ANSWER_BYTES:
            break
    return bytes(read[:ANSWER_BYTES])


def _reason(error: BaseException | None) -> str:
    """Return in a few words what went wrong; the innermost cause says most."""
    while error is not None and (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
