"""`GET /healthz` and `GET /metrics`.

The service is healthy while it answers, with the store or without it: a proxy that took
it out of service for a fault of the store would break every link. What is wrong is said
in the body.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from estafeta_web import service


async def healthz(request: Request) -> Response:
    """Say whether the store can be written to, and how much waits for it."""
    recorder = service.of(request).recorder
    store = await recorder.store_answers()
    backlog = recorder.backlog
    status = "ok" if store and not backlog else "degraded"
    return JSONResponse({"status": status, "store": store, "spool_bytes": backlog})


async def metrics(request: Request) -> Response:
    """Show what was counted, for Prometheus: always, though without what the store knows while it is away."""
    here = service.of(request)
    text = here.metrics.exposition(await here.counted())
    return Response(text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
