"""Whether every account file can be used, and its mail can go."""

from collections.abc import Iterator

from estafeta_core.config import advice
from estafeta_postfix.checks.finding import Finding, of_advice
from estafeta_postfix.checks.setup import Setup


def look(setup: Setup) -> Iterator[Finding]:
    """Yield what should be known of all of them; ConfigError for the first that cannot be used."""
    read, config = setup.accounts, setup.config
    spoken = frozenset(account.dialect for _, account in read)
    served = frozenset(dialect for listener in config.listeners.values() for dialect in listener.dialects)
    yield from of_advice("account", advice.of_listeners(setup.document, config, spoken))
    for document, account in read:
        yield from of_advice("account", advice.of_account(document, account, served))
