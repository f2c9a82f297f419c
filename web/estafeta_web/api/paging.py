"""Cursors: where the next page begins, in a form that nobody has to understand.

    base64url(JSON [check, values...])

`check` ties it to the account and to what was searched: a cursor brought along to another search, or by
another account, is refused. It is no secret and needs no signature, because a place in a list gives nothing
to whoever may not see the list.
"""

import base64
import binascii
import hashlib
from typing import Any

from estafeta_core import json_strict
from estafeta_web.access import Caller
from estafeta_web.api.parameters import Parameters
from estafeta_web.api.problems import bad_request
from estafeta_web.api.rendering import encoded

INITIAL = "initial"
PER_PAGE = 1_000  # SparkPost's
MOST_PER_PAGE = 10_000  # SparkPost's
COUNTED = 100_000  # things counted for `total_count`: some tenths of a second


class Paging:
    """The page that is asked for, and the link to the one after it."""

    def __init__(self, parameters: Parameters, caller: Caller, kinds: tuple[type, ...]) -> None:
        self._parameters = parameters
        self._check = _check(caller, parameters)
        self.per_page = parameters.number("per_page", "limit", default=PER_PAGE, most=MOST_PER_PAGE)
        self.place = self._read(parameters.text("cursor") or INITIAL, kinds)

    def _read(self, cursor: str, kinds: tuple[type, ...]) -> list[Any] | None:
        """Return the values of a cursor, of these types; None for the first page."""
        if cursor == INITIAL:
            return None
        try:
            values = json_strict.loads(base64.urlsafe_b64decode(cursor).decode())
        except (binascii.Error, ValueError):
            values = None
        if not isinstance(values, list) or [type(each) for each in values[1:]] != list(kinds):
            raise bad_request("cursor is none of ours", "Take it from links of the page before.")
        if values[0] != self._check:
            raise bad_request("cursor is of another search", "Parameters must stay as they were.")
        return values[1:]

    def link(self, *values: int | str) -> str:
        """Return the path of the page that begins at `values`."""
        cursor = base64.urlsafe_b64encode(encoded([self._check, *values])).decode()
        return self._parameters.link(cursor)


def _check(caller: Caller, parameters: Parameters) -> str:
    searched = repr((caller.account, caller.subaccount, parameters.search))
    return hashlib.blake2b(searched.encode(), digest_size=8).hexdigest()
