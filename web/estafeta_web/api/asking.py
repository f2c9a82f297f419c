"""Who asks, and the one boundary where everything that goes wrong becomes an answer."""

import functools
from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from estafeta_core.config.accounts import Permission
from estafeta_core.store import AnswerTooLong
from estafeta_web import service
from estafeta_web.access import SUBACCOUNT, Caller, Forbidden, TooManyGuesses, Unknown
from estafeta_web.api import problems
from estafeta_web.api.problems import Problem
from estafeta_web.service import Away, Handler, Service

T = TypeVar("T")
Answer = Callable[[Service, Caller, Request], Awaitable[Response]]


def asked(permission: Permission, answer: Answer) -> Handler:
    """Return a handler that answers to whoever has this permission, and to nobody else."""

    async def handler(request: Request) -> Response:
        serving = service.of(request)
        try:
            return await answer(serving, await _caller(serving, permission, request), request)
        except Problem as problem:
            return problem.response()
        except Away:
            return problems.away().response()

    return handler


async def _caller(serving: Service, permission: Permission, request: Request) -> Caller:
    authorization = request.headers.get("authorization", "")
    subaccount = request.headers.get(SUBACCOUNT)
    try:
        return await serving.access.authorized(
            authorization, permission, serving.address(request), subaccount
        )
    except Unknown:
        raise problems.unauthorized() from None
    except Forbidden:
        raise problems.forbidden() from None
    except TooManyGuesses:
        raise problems.too_many_guesses() from None


async def ask(serving: Service, question: Callable[[], T]) -> T:
    """Return the answer to a question that may be long, when it is its turn; Problem, or Away."""
    async with serving.asking:
        found = await serving.look(functools.partial(_in_time, question))
    if isinstance(found, AnswerTooLong):
        raise problems.too_long()
    return found


def _in_time(question: Callable[[], T]) -> T | AnswerTooLong:
    """Return the answer; that it took too long is the client's to mend, and not a store that is away."""
    try:
        return question()
    except AnswerTooLong as error:
        return error
