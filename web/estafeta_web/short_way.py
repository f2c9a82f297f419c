"""The short way of pixels and redirects, most of all requests: from a request's head to its answer's bytes.

Uvicorn makes an object, a task and an event of every request, and Starlette three objects more; that takes
longer than all that is done for an open or a click. So a request for one, with a valid token, is answered by
its connection itself (`connection`). This module says what the answer is. Where it returns None, the request
goes by the table of paths, whose handlers do the same.
"""

import functools
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

    def answer(self, url: bytes, fields: Fields, host: str, *, head: bool) -> Answer | None:
        """Return the answer to a request for `url` from `host`; None where it is for the table of paths."""
        token = self._token(url)
        if token is None:
            return None
        agent = b""
        for name, value in fields:
            if name == b"user-agent":
                agent = value
                break
        address = client.told(host, fields, self._service.proxies)
        line = self._service.tracking.line(token, agent, address, head=head)
        kind = BY_NUMBER[token.kind]
        if token.target:
            return Answer(line, kind, self._click, _redirect(token.target), b"")
        return Answer(line, kind, self._open, _PIXEL, b"" if head else answers.PIXEL)

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
