"""Whether estafeta.yaml can be used, and is meant as it stands."""

from collections.abc import Iterator

from estafeta_core.config import advice
from estafeta_postfix.checks.finding import MEND, Finding, of_advice
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.render.listener import listener_service
from estafeta_postfix.render.values import RenderError


def look(setup: Setup) -> Iterator[Finding]:
    """Yield what cannot be said to Postfix, and what may not be meant so."""
    config = setup.config
    for name in config.listeners:
        try:
            listener_service(config, name)
        except RenderError as error:
            yield Finding("error", "setting", str(setup.path), str(error), MEND)
    yield from of_advice("setting", advice.of_config(setup.document, config))
    yield from of_advice("setting", advice.of_pools(setup.document, config))
