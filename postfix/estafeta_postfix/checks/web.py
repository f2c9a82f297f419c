"""Whether the web service answers, and what it says of itself."""

import json
import urllib.request
from collections.abc import Iterator

from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.setup import Setup

REPLY = 5.0  # seconds
_HERE = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # past http_proxy: it asks this host
_ANY = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - an address to listen on, read here only


def look(setup: Setup) -> Iterator[Finding]:
    """Yield why recipients' links would not be answered, or not counted."""
    web = setup.config.web
    host = _ANY.get(web.bind, f"[{web.bind}]" if ":" in web.bind else web.bind)
    url = f"http://{host}:{web.port}/healthz"
    try:
        with _HERE.open(url, timeout=REPLY) as answer:
            said = json.load(answer)
    except (OSError, ValueError) as error:
        yield Finding(
            "error",
            "web-down",
            url,
            f"the web service does not answer: {error}",
            "see that `estafeta serve web` runs; links of mail that was sent lead nowhere meanwhile",
        )
        return
    if said.get("status") != "ok":
        yield Finding(
            "warning",
            "web-degraded",
            url,
            f"it waits for the store or the worker: {json.dumps(said)}",
            "see what the checks store and worker say; opens and clicks wait in the journal",
        )
