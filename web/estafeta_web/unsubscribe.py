"""`/u/TOKEN`: GET shows a page with a button, POST unsubscribes (RFC 8058).

Mail software fetches links by itself, so nothing but the POST of the button or of a
mail provider unsubscribes. 200 is sent when the unsubscribe is durable, so that it
survives whatever happens next; where it cannot be made so, 503 asks to try again.
A second POST changes nothing and is answered like the first.

The page speaks the language of the message, which the store knows; while it does not answer, that of the
browser (`languages`). The words are in templates/unsubscribe.toml.
"""

import base64
import functools
import hashlib
import tomllib
from importlib import resources

import jinja2
from starlette.requests import Request
from starlette.responses import Response

from estafeta_core.tokens import Kind, Token
from estafeta_web import answers, body, languages, service
from estafeta_web.body import Refused
from estafeta_web.one_click import is_one_click
from estafeta_web.service import Away, Service

KINDS = frozenset({Kind.LIST_UNSUBSCRIBE, Kind.LINK_UNSUBSCRIBE})
BODY_BYTES = 64 * 1024  # a one-click body has some 30, as multipart 200
BODY_SECONDS = 10.0  # for a body to arrive
PATIENCE = 0.5  # seconds to ask the store for a language, which takes it a millisecond

_TEMPLATES = resources.files("estafeta_web") / "templates"
_STYLE = (_TEMPLATES / "unsubscribe.css").read_text(encoding="utf-8")
_PAGE = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
    (_TEMPLATES / "unsubscribe.html").read_text(encoding="utf-8")
)
TEXTS: dict[str, dict[str, str]] = tomllib.loads(
    (_TEMPLATES / "unsubscribe.toml").read_text(encoding="utf-8")
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_PAGE_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Robots-Tag": "noindex",
}


async def show(request: Request) -> Response:
    """Ask for the decision; changes nothing."""
    token = service.of(request).token(request, KINDS)
    return answers.not_found() if token is None else await _page(request, token, "ask", 200)


async def leave(request: Request) -> Response:
    """Unsubscribe when the body says so."""
    serving = service.of(request)
    token = serving.token(request, KINDS)
    if token is None:
        return answers.not_found()
    try:
        said = await body.read(request, BODY_BYTES, BODY_SECONDS)
    except Refused as refused:
        return refused.response
    if not is_one_click(request.headers.get("content-type", ""), said):
        return await _page(request, token, "ask", 400)
    if not await serving.record(token, request):
        return await _page(request, token, "failed", 503)
    return await _page(request, token, "done", 200)


async def _page(request: Request, token: Token, state: str, status: int) -> Response:
    language = await _language(request, token)
    html = _PAGE.render(
        language=language,
        say=TEXTS[language],
        state=state,
        style=_STYLE,
        target=answers.header_safe(token.target).decode(),
    )
    headers = _PAGE_HEADERS | ({"Retry-After": str(answers.RETRY_AFTER)} if status == 503 else {})
    return Response(html, status, headers, media_type="text/html")


async def _language(request: Request, token: Token) -> str:
    serving = service.of(request)
    try:
        of_message = await serving.look(functools.partial(_of_message, serving, token.id), PATIENCE)
    except Away:
        of_message = ""
    return languages.chosen(of_message, request.headers.get("accept-language", ""), TEXTS)


def _of_message(serving: Service, message_id: int) -> str:
    found = serving.store.message(message_id)
    return found.transmission.language if found else ""
