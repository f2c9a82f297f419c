"""Signing in with an API key, or a user name and its password, and signing out.

What is asked is what opens the events of an account over HTTP as well, and wrong passwords are counted in the
same place (`access`).
"""

import time

from starlette.requests import Request
from starlette.responses import Response

from estafeta_web import service
from estafeta_web.access import Caller, Forbidden, TooManyGuesses, Unknown
from estafeta_web.body import Refused
from estafeta_web.pages import forms, frame, gate, session

_FAULTS: dict[type[Exception], tuple[str, int]] = {
    Unknown: ("wrong", 401),
    Forbidden: ("forbidden", 403),
    TooManyGuesses: ("guesses", 429),
}


async def enter(request: Request) -> Response:
    """Begin a session."""
    try:
        fields = await forms.fields(request, service.of(request).links.base_url)
    except Refused as refused:
        return refused.response if refused.status != 403 else frame.fault(request, "refused", 403)
    to = gate.local_path(fields.get("to", "/"))
    try:
        caller = await _caller(request, fields.get("username", "").strip(), fields.get("secret", ""))
    except tuple(_FAULTS) as error:
        state, status = _FAULTS[type(error)]
        return frame.page(request, "sign_in.html", status, state=state, to=to)
    response = gate.see_other(to)
    keys = service.of(request).links.session_keys
    _set_cookie(request, response, session.issue(keys, caller.credential, time.time()), session.LIFETIME)
    return response


async def leave(request: Request) -> Response:
    """End the session in this browser."""
    if not forms.is_ours(request, service.of(request).links.base_url):
        return frame.fault(request, "refused", 403)
    response = gate.see_other("/")
    _set_cookie(request, response, "", 0)
    return response


async def _caller(request: Request, username: str, secret: str) -> Caller:
    serving = service.of(request)
    address = serving.address(request)
    if not secret:
        raise Unknown
    # A key is copied, sometimes with a blank or a line end; a password is taken as it is.
    credential = await serving.access.identified(username, secret if username else secret.strip(), address)
    return serving.access.permitted(credential, "events", address)


def _set_cookie(request: Request, response: Response, value: str, seconds: int) -> None:
    response.set_cookie(
        gate.cookie_name(request),
        value,
        max_age=seconds,
        secure=frame.is_secure(request),
        httponly=True,
        samesite="strict",
    )
