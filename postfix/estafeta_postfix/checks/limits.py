"""Whether the server that hosts share their limits on can be used."""

import importlib
from collections.abc import Iterator

from estafeta_core import redis_url
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.setup import Setup


def look(setup: Setup) -> Iterator[Finding]:
    """Yield why limits would not be counted where `limits.store` says."""
    settings = setup.config.limits
    if not settings.store:
        return
    shared_limits = importlib.import_module("estafeta_policy.shared_limits")  # alone needs hiredis
    if not (why := shared_limits.why_away(settings)):
        return
    yield Finding(
        "error",
        "limits-away",
        str(redis_url.parse(settings.store)),
        f"{why}; {shared_limits.instead(settings)}",
        "see that the server runs, can be reached from here, and takes the password in `limits.store`",
    )
