"""Errors in SparkPost's shape: {"errors": [{"message": "...", "description": "..."}]}."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from estafeta_web import answers
from estafeta_web.api.rendering import json_response

UNREAD = {"Connection": "close"}  # with an answer before the request was read to its end


class Problem(Exception):  # noqa: N818 - it is an answer
    """What a client did wrong, or cannot have."""

    def __init__(
        self,
        status: int,
        message: str,
        description: str = "",
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.description = description
        self.headers = headers
        self.more = more or {}

    def response(self) -> Response:
        """Return the answer."""
        error: dict[str, Any] = {"message": self.message}
        if self.description:
            error["description"] = self.description
        error |= self.more
        return json_response({"errors": [error]}, self.status, self.headers)


def bad_request(message: str, description: str = "") -> Problem:
    """Return the answer to what nobody can make sense of."""
    return Problem(400, message, description)


def not_found(message: str = "Resource could not be found") -> Problem:
    """Return the answer to what does not exist, for whoever asks."""
    return Problem(404, message)


def unauthorized() -> Problem:
    """Return the answer to whoever has no key that is in force."""
    return Problem(401, "Unauthorized", headers={"WWW-Authenticate": "Bearer"} | UNREAD)


def forbidden() -> Problem:
    """Return the answer to a key that may do other things."""
    return Problem(403, "Forbidden.", headers=UNREAD)


def too_many_guesses() -> Problem:
    """Return the answer to an address that tries passwords."""
    return Problem(429, "Too many requests", headers={"Retry-After": str(answers.RETRY_AFTER)} | UNREAD)


def too_long() -> Problem:
    """Return the answer where there is too much to search."""
    headers = {"Retry-After": str(answers.RETRY_AFTER)}
    return Problem(503, "The search took too long", "Ask for a shorter time, or for fewer things.", headers)


def away() -> Problem:
    """Return the answer while the store is away: nothing was read and nothing was written."""
    return Problem(503, "Service unavailable", headers={"Retry-After": str(answers.RETRY_AFTER)})
