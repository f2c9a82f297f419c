"""The table of paths."""

import contextlib
import time
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from estafeta_web import answers, clicks, files, health, icons, images, opens, unsubscribe, web_version
from estafeta_web.pages.table import PLACES as PAGES
from estafeta_web.service import Handler, Place, Service

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
    *PAGES,
)


def make_app(service: Service) -> Starlette:
    """Return the application that serves with `service`."""
    app = Starlette(
        routes=[
            Route(place.path, _counted(service, place.name, place.handler), methods=[place.method])
            for place in PLACES
        ],
        exception_handlers={404: _not_found},
        middleware=[Middleware(_Uncached)],
        lifespan=_lifespan,
    )
    app.router.redirect_slashes = False  # an added slash would be a redirect that no token signed
    app.state.service = service
    service.metrics.watch_backlog(lambda: service.recorder.backlog)
    return app


def _counted(service: Service, name: str, handler: Handler) -> Handler:
    requests, seconds = service.metrics.requests, service.metrics.seconds.labels(name)

    async def counted(request: Request) -> Response:
        started = time.perf_counter()
        response = await handler(request)
        seconds.observe(time.perf_counter() - started)
        requests.labels(name, str(response.status_code)).inc()
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
    return answers.not_found()


@contextlib.asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    recorder = app.state.service.recorder
    await recorder.start()
    yield
    await recorder.stop()
