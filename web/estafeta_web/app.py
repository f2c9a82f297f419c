"""The table of paths.

Plain requests for pixels and redirects, most of all, do not come here: connections answer them (`short_way`).
"""

import contextlib
import functools
import itertools
import time
from collections.abc import AsyncIterator, Iterable

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from estafeta_web import answers, clicks, files, health, icons, images, opens, unsubscribe, web_version
from estafeta_web.api import places, problems
from estafeta_web.pages.table import PLACES as PAGES
from estafeta_web.service import Handler, Place, Service
from estafeta_web.short_way import ShortWay

PLACES = (
    Place("/o/{token}.gif", "open", opens.pixel),
    Place("/c/{token}", "click", clicks.click),
    Place("/u/{token}", "unsubscribe", unsubscribe.show),
    Place("/u/{token}", "unsubscribe", unsubscribe.leave, "POST"),
    Place("/w/{token}", "web_version", web_version.show),
    Place("/f/{token}/{name}", "file", files.download),
    Place("/i/{token}", "image", images.image),
    Place("/icons/{network}.png", "icon", icons.icon),
    Place("/healthz", "healthz", health.healthz),
    Place("/metrics", "metrics", health.metrics),
    *places.PLACES,
    *PAGES,
)
API = "/api/"  # whose errors are JSON


class App(Starlette):
    """Starlette, and the short way that connections know."""

    short_way: ShortWay


def make_app(service: Service) -> App:
    """Return the application that serves with `service`."""
    app = App(
        routes=[
            _route(service, path, there)
            for path, there in itertools.groupby(PLACES, key=lambda place: place.path)
        ],
        exception_handlers={404: _not_found, 405: _not_allowed},
        middleware=[Middleware(_Uncached)],
        lifespan=_lifespan,
    )
    app.router.redirect_slashes = False  # an added slash would be a redirect that no token signed
    app.state.service = service
    app.short_way = ShortWay(service)
    return app


def _route(service: Service, path: str, places: Iterable[Place]) -> Route:
    """Return the one route of a path: what it does not do is answered with all that it does."""
    handlers = {place.method: _counted(service, place.name, place.handler) for place in places}

    async def handler(request: Request) -> Response:
        return await handlers["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, handler, methods=list(handlers))


def _counted(service: Service, name: str, handler: Handler) -> Handler:
    seconds = service.metrics.seconds.labels(name)
    requests = functools.cache(lambda status: service.metrics.requests.labels(name, str(status)))

    async def counted(request: Request) -> Response:
        started = time.perf_counter()
        response = await handler(request)
        seconds.observe(time.perf_counter() - started)
        requests(response.status_code).inc()
        return response

    return counted


class _Uncached:
    """Forbids to cache every answer that does not allow it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault(*answers.UNCACHED)
            await send(message)

        await self._app(scope, receive, answer)


async def _not_found(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    if request.url.path.startswith(API):
        return problems.not_found().response()
    return answers.not_found()


async def _not_allowed(request: Request, error: Exception) -> Response:
    headers = error.headers if isinstance(error, HTTPException) else None
    if request.url.path.startswith(API):
        return problems.Problem(405, "Method not allowed", headers=headers).response()
    return Response("Method Not Allowed", 405, headers, media_type="text/plain")


@contextlib.asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    recorder = app.state.service.recorder
    await recorder.start()
    yield
    await recorder.stop()
