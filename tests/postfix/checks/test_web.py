import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from estafeta_core.config.schema import Web
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.checks.web import look

from .conftest import known


@pytest.fixture
def said(setup: Setup) -> Iterator[dict[str, Any]]:
    """What somebody at the web service's port says of himself."""
    answer: dict[str, Any] = {"status": "ok", "store": True, "journal_bytes": 0}

    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.serve_forever).start()
        web = Web(bind="0.0.0.0", port=server.server_port)
        known(setup, config=msgspec.structs.replace(setup.config, web=web))
        yield answer
        server.shutdown()


def test_what_the_service_says_of_itself_is_told(setup: Setup, said: dict[str, Any]) -> None:
    assert list(look(setup)) == []
    said["status"] = "degraded"
    (found,) = look(setup)
    assert (found.severity, found.code) == ("warning", "web-degraded")


def test_a_proxy_of_whoever_asks_is_not_asked(
    setup: Setup, said: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert said["status"] == "ok"
    assert list(look(setup)) == []


def test_no_service_is_an_error(setup: Setup) -> None:
    known(setup, config=msgspec.structs.replace(setup.config, web=Web(port=1)))
    (found,) = look(setup)
    assert (found.severity, found.code, found.subject) == ("error", "web-down", "http://127.0.0.1:1/healthz")
