"""`GET /healthz` and `GET /metrics`.

The service is healthy while it answers, with the store or without it: a proxy that took
it out of service for a fault of the store would break every link. What is wrong is said
in the body.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from estafeta_web import service

# Of the journal that the worker may not have read yet: some seconds of the most that can come.
BEHIND = 4 * 1024 * 1024


async def healthz(request: Request) -> Response:
    """Say whether the store can be written to, and how much of the journal it has not."""
    here = service.of(request)
    store = await here.recorder.store_answers()
    waiting = await here.waiting()
    well = store and waiting is not None and waiting <= BEHIND
    return JSONResponse({"status": "ok" if well else "degraded", "store": store, "journal_bytes": waiting})


async def metrics(request: Request) -> Response:
    """Show what was counted, for Prometheus: always, though without what the store knows while it is away."""
    here = service.of(request)
    text = here.metrics.exposition(await here.counted(), await here.waiting())
    return Response(text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
