"""The table of paths."""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from estafeta_web import answers, clicks, health, opens, unsubscribe
from estafeta_web.service import Service

Handler = Callable[[Request], Awaitable[Response]]


def make_app(service: Service) -> Starlette:
    """Return the application that serves with `service`."""

    def route(path: str, name: str, handler: Handler, method: str = "GET") -> Route:
        return Route(path, _counted(service, name, handler), methods=[method])

    app = Starlette(
        routes=[
            route("/o/{token}.gif", "open", opens.pixel),
            route("/c/{token}", "click", clicks.click),
            route("/u/{token}", "unsubscribe", unsubscribe.show),
            route("/u/{token}", "unsubscribe", unsubscribe.leave, "POST"),
            route("/healthz", "healthz", health.healthz),
            route("/metrics", "metrics", health.metrics),
        ],
        exception_handlers={404: _not_found},
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


async def _not_found(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    return answers.not_found()


@contextlib.asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    recorder = app.state.service.recorder
    await recorder.start()
    yield
    await recorder.stop()
