"""A page: its template, its headers, its style sheet.

Every answer forbids scripts, whatever a page might hold by mistake. The style sheet has a hash of itself in
its path, so that browsers keep it for a year and get another one the moment it changes. The address of a page
may hold what somebody looked for: nothing of it goes to another site, and our own forms say where they were,
as `forms` asks.
"""

import hashlib
from importlib import resources

import jinja2
from starlette.requests import Request
from starlette.responses import Response

from estafeta_web import answers, service
from estafeta_web.access import Caller
from estafeta_web.pages import shown, words
from estafeta_web.pages.words import WORDS, Words

LANGUAGE_SECONDS = 365 * 86400  # that a browser remembers the language somebody chose

_FOLDER = resources.files("estafeta_web.pages") / "templates"
_STYLE = (_FOLDER / "pages.css").read_bytes()
STYLE_PATH = f"/pages/{hashlib.sha256(_STYLE).hexdigest()[:16]}.css"
_STYLE_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable"}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Robots-Tag": "noindex, nofollow",
}

_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("estafeta_web.pages"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters |= {
    "number": shown.number,
    "percent": shown.percent,
    "time": shown.time,
    "machine_time": shown.machine_time,
}


async def style(request: Request) -> Response:
    """Serve the style sheet under its present name."""
    if request.url.path != STYLE_PATH:
        return answers.not_found()
    return Response(_STYLE, headers=_STYLE_HEADERS, media_type="text/css")


def page(
    request: Request, template: str, status: int = 200, caller: Caller | None = None, **values: object
) -> Response:
    """Return a page made from `template`, for the `caller` who is signed in."""
    speaking = words.spoken(request)
    html = _TEMPLATES.get_template(template).render(
        say=speaking.say,
        fill=speaking.fill,
        language=speaking.language,
        others=_other_languages(request, speaking),
        style_path=STYLE_PATH,
        path=request.url.path,
        zone=shown.zone(),
        caller=caller,
        **values,
    )
    response = Response(html, status, HEADERS, media_type="text/html")
    if words.asked(request):
        response.set_cookie(
            words.COOKIE,
            speaking.language,
            max_age=LANGUAGE_SECONDS,
            secure=is_secure(request),
            httponly=True,
            samesite="lax",
        )
    return response


def fault(request: Request, name: str, status: int, caller: Caller | None = None) -> Response:
    """Return a page that says what is wrong, by the name of its text."""
    response = page(request, "fault.html", status, caller, name=name)
    if status == 503:
        response.headers["Retry-After"] = str(answers.RETRY_AFTER)
    return response


def is_secure(request: Request) -> bool:
    """Return whether browsers reach us by TLS."""
    return service.of(request).links.base_url.startswith("https:")


def _other_languages(request: Request, speaking: Words) -> list[tuple[str, str, str]]:
    """Return language, name and query of this page in each language but its own."""
    return [
        (other.language, other.say["language"]["name"], _query(request, other.language))
        for other in WORDS.values()
        if other.language != speaking.language
    ]


def _query(request: Request, language: str) -> str:
    return request.url.include_query_params(**{words.PARAMETER: language}).query
