"""The short way of pixels and redirects, most of all requests: from a request's bytes to its answer's bytes.

Uvicorn's parser calls back for every part of a request, uvicorn makes an object, a task and an event of it,
and Starlette three objects more; that takes longer than all that is done for an open or a click. So a plain
request for one, with a valid token, is answered by its connection itself (`connection`). This module says
what is plain, and what the answer is. Where it returns None, the same bytes go to uvicorn and by the table of
paths, whose handlers do the same.

    plain    = method SP path SP version CRLF 1*( name ": " value CRLF ) CRLF
    method   = "GET" / "HEAD"
    path     = "/c/" TOKEN / "/o/" TOKEN ".gif", and a query or none
    version  = "HTTP/1.1" / "HTTP/1.0"

Whatever could make somebody see other requests in these bytes is not plain: any other control than these
CRLF, a name that is no token, a field about a body or about the protocol (RFC 9112 sections 6 and 9.6).
"""

import functools
import string
from http import HTTPStatus
from typing import NamedTuple

from estafeta_core.tokens import Token
from estafeta_web import answers, clicks, client, opens
from estafeta_web.metrics import Metrics
from estafeta_web.recorder import Recorder
from estafeta_web.service import Service
from estafeta_web.tracking import BY_NUMBER, LINKS

Fields = list[tuple[bytes, bytes]]  # of a header, names in lower case

PATHS = {b"/c/": clicks.KINDS, b"/o/": opens.KINDS}
LENGTH = 3  # of each
FIELDS_BYTES = 4 * 1024  # of a plain request; a browser's have less than 1 KB, but for cookies
REMEMBERED = 1024  # blocks of fields, as most are a proxy's or those of a connection that lasts: 8 MB at most

_METHODS = {b"GET": False, b"HEAD": True}  # whether it asks for the head alone
_VERSIONS = {b"HTTP/1.1": True, b"HTTP/1.0": False}  # whether the connection lasts
_LASTING = {b"keep-alive": True, b"close": False}
# Of a body, or of the protocol; what llhttp calls a connection's as well.
_MORE = frozenset({b"content-length", b"expect", b"proxy-connection", b"transfer-encoding", b"upgrade"})
_PLAIN = bytes([*b"\t\r\n", *range(0x20, 0x7F), *range(0x80, 0x100)])  # RFC 9110 section 5.5
_TOKEN = (string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~").encode()  # RFC 9110 section 5.6.2
_URL = bytes(set(range(0x21, 0x7F)) - {ord("#")})

_GIF = b".gif"
_UNCACHED = b"%b: %b\r\n" % (answers.UNCACHED[0].lower().encode(), answers.UNCACHED[1].encode())
_PIXEL = b"content-length: %d\r\ncontent-type: image/gif\r\n%b" % (len(answers.PIXEL), _UNCACHED)


@functools.lru_cache(LINKS)
def _redirect(target: bytes) -> bytes:
    return b"content-length: 0\r\nlocation: %b\r\n%b" % (answers.header_safe(target), _UNCACHED)


class Place:
    """One of the two paths: how all its answers begin, and where they are counted."""

    def __init__(self, metrics: Metrics, name: str, status: HTTPStatus) -> None:
        self.start = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
        self.seconds = metrics.seconds.labels(name)
        self.requests = metrics.requests.labels(name, str(status.value))


class Said(NamedTuple):
    """What the fields of a plain request say."""

    lasting: bool  # the connection, as far as they go
    agent: bytes
    forwarded: Fields  # those of X-Forwarded-For


@functools.lru_cache(REMEMBERED)
def _said(block: bytes) -> Said | None:
    """Return what a block of fields says; None where it is not plain."""
    lines = block.split(b"\r\n")
    breaks = len(lines) - 1
    if block.translate(None, _PLAIN) or block.count(b"\r") != breaks or block.count(b"\n") != breaks:
        return None
    lasting, agent = True, None
    forwarded: Fields = []
    for line in lines:
        name, colon, value = line.partition(b": ")
        if not (name and colon) or name.translate(None, _TOKEN) or value != value.strip(b" \t"):
            return None
        name = name.lower()
        if name in _MORE or (name == b"connection" and value.lower() not in _LASTING):
            return None
        if name == b"connection":
            lasting = lasting and _LASTING[value.lower()]
        elif name == b"user-agent" and agent is None:
            agent = value
        elif name == b"x-forwarded-for":
            forwarded.append((name, value))
    return Said(lasting, agent or b"", forwarded)


class Request(NamedTuple):
    """A plain request."""

    path: bytes  # and its query
    head: bool  # asked by HEAD
    keep_alive: bool
    said: Said
    rest: bytes  # what came behind it


def plain(data: bytes) -> Request | None:
    """Return the request that `data` begins with; None where that is not plain, or not whole."""
    head, end, rest = data.partition(b"\r\n\r\n")
    first, _, block = head.partition(b"\r\n")
    words = first.split(b" ")
    if not end or len(words) != 3 or len(block) > FIELDS_BYTES:
        return None
    method, path, version = words
    if method not in _METHODS or version not in _VERSIONS:
        return None
    if path[:LENGTH] not in PATHS or path.translate(None, _URL):
        return None
    said = _said(block)
    if said is None:
        return None
    return Request(path, _METHODS[method], _VERSIONS[version] and said.lasting, said, rest)


class Answer(NamedTuple):
    """What answers a request as soon as its line is in the journal, or cannot be."""

    line: bytes
    event_type: str
    place: Place
    fields: bytes
    body: bytes


class ShortWay:
    """Finds answers for one service; lives in its loop."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._common: Fields = []
        self._common_bytes = b""
        self._click = Place(service.metrics, "click", HTTPStatus.FOUND)
        self._open = Place(service.metrics, "open", HTTPStatus.OK)

    @property
    def recorder(self) -> Recorder:
        """Where the line of an answer goes."""
        return self._service.recorder

    def answer(self, request: Request, host: str) -> Answer | None:
        """Return the answer to a request from `host`; None where it is for the table of paths."""
        token = self._token(request.path)
        if token is None:
            return None
        address = client.told(host, request.said.forwarded, self._service.proxies)
        line = self._service.tracking.line(token, request.said.agent, address, head=request.head)
        kind = BY_NUMBER[token.kind]
        if token.target:
            return Answer(line, kind, self._click, _redirect(token.target), b"")
        return Answer(line, kind, self._open, _PIXEL, b"" if request.head else answers.PIXEL)

    def wire(self, answer: Answer, common: Fields, *, keep_alive: bool) -> bytes:
        """Return the bytes of an answer; `common` are the fields of all answers: another list, others."""
        if common is not self._common:
            self._common = common
            self._common_bytes = b"".join(b"%b: %b\r\n" % field for field in common)
        close = b"" if keep_alive else b"connection: close\r\n"
        return b"".join((answer.place.start, self._common_bytes, answer.fields, close, b"\r\n", answer.body))

    def _token(self, url: bytes) -> Token | None:
        kinds, text = PATHS[url[:LENGTH]], url[LENGTH:].partition(b"?")[0]
        if kinds is opens.KINDS:
            if not text.endswith(_GIF):
                return None
            text = text[: -len(_GIF)]
        token = self._service.links.read(text.decode("latin-1"))
        return token if token is not None and token.kind in kinds else None
