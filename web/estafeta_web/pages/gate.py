"""Lets in who is signed in, and nobody else.

The cookie says which credential; whether that is still in force, may read events and may be used from here is
asked with every request, so a key that is revoked, or used from elsewhere, shows nothing from then on.
"""

import functools
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from estafeta_core.config.accounts import Permission
from estafeta_core.store import Store
from estafeta_core.store.reader import LATEST, as_id
from estafeta_core.store.rows import Row
from estafeta_web import service
from estafeta_web.access import Caller, Forbidden, Unknown
from estafeta_web.body import Refused
from estafeta_web.pages import forms, frame, session
from estafeta_web.service import Away, Handler, Service

WRITE_SECONDS = 4.0  # less than a page waits for its answer, so that what is told to have failed has

T = TypeVar("T")


class Missing(Exception):  # noqa: N818 - it names what was asked for
    """Nothing of this account: of another one, or of none."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who is signed in."""

    request: Request
    serving: Service
    caller: Caller

    @property
    def account(self) -> str:
        """Whose pages these are."""
        return self.caller.account

    @property
    def may_manage(self) -> bool:
        """Whether suppressions may be changed."""
        return "manage" in self.caller.credential.permissions

    async def look(self, question: Callable[[Store], T]) -> T:
        """Return the answer of the store; Away when there is none in time."""
        return await self.serving.browse(functools.partial(question, self.serving.store))

    def asked(self, name: str) -> str:
        """Return what the address says behind `name`, "" where it does not."""
        return self.request.query_params.get(name, "")

    def before(self) -> int:
        """Return the id from which a list goes on, later than any where it begins; Missing for none."""
        return number(self.asked("before") or str(LATEST))

    async def record(self, rows: list[Row]) -> None:
        """Make rows durable; Away when that cannot be done now."""
        await self.look(lambda store: store.record(rows, WRITE_SECONDS))

    async def fields(self) -> Mapping[str, str]:
        """Return what a form of ours has sent."""
        return await forms.fields(self.request, self.serving.links.base_url)

    def page(self, template: str, status: int = 200, **values: object) -> Response:
        """Return a page."""
        return frame.page(self.request, template, status, self.caller, **values)


Page = Callable[[Visit], Awaitable[Response]]


def cookie_name(request: Request) -> str:
    """Return the name of the session's cookie; with the prefix, no other host can set it (RFC 6265bis)."""
    return "__Host-estafeta" if frame.is_secure(request) else "estafeta"


def members(page: Page, permission: Permission = "events") -> Handler:
    """Return the handler that shows `page` to whoever is signed in and has `permission`."""

    async def handler(request: Request) -> Response:
        try:
            caller = signed_in(request, permission)
        except Unknown:
            to = local_path(request.url.path) if request.method == "GET" else "/"
            return frame.page(request, "sign_in.html", 401, state="ask", to=to)
        except Forbidden:
            return frame.fault(request, "forbidden", 403)
        try:
            return await page(Visit(request, service.of(request), caller))
        except Missing:
            return frame.fault(request, "missing", 404, caller)
        except Away:
            return frame.fault(request, "away", 503, caller)
        except Refused as refused:
            return refused.response if refused.status != 403 else frame.fault(request, "refused", 403, caller)

    return handler


def signed_in(request: Request, permission: Permission = "events") -> Caller:
    """Return who is signed in; Unknown or Forbidden."""
    serving = service.of(request)
    credential = session.read(
        serving.links.session_keys,
        request.cookies.get(cookie_name(request), ""),
        time.time(),
        serving.access.credential,
    )
    if credential is None:
        raise Unknown
    return serving.access.permitted(credential, permission, serving.address(request))


def local_path(path: str) -> str:
    """Return a path on which somebody may go on after signing in: one that can lead to no other host."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() else "/"


def number(text: str) -> int:
    """Return the id or time that stands in an address; Missing for what is none."""
    found = as_id(text)
    if found is None:
        raise Missing
    return found


def see_other(path: str) -> Response:
    """Return the answer to a form that has been taken: the page to go on with."""
    return RedirectResponse(path, 303)
