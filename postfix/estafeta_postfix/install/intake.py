"""Whether mail for bounce_domain has a way into this instance and to the intake, and lines that make one.

The domain has to be in a list of main.cf that is the operator's, and in a table of transports; these cannot
be added to without being written anew. So the lines are shown, to be pasted, and `status` tells whether they
are there.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from estafeta_core.config.schema import Config
from estafeta_postfix.install.facts import Facts
from estafeta_postfix.instance import command, run
from estafeta_postfix.render.intake import destination

# The lists by which Postfix takes mail for a domain in (ADDRESS_CLASS_README).
_TABLE = re.compile(r"[a-z]+:\{(?:\{[^{}]*\}|[^{}])*\}|[^,\s]+")  # one written in place has blanks in it
LISTS = ("virtual_mailbox_domains", "relay_domains", "mydestination", "virtual_alias_domains")


def missing(config: Config, facts: Facts) -> Iterator[str]:
    """Yield what to do where this host does not take mail for bounce_domain."""
    domain = config.bounce_domain
    if not any(_listed(domain, facts.values[name], facts.config_directory) for name in LISTS):
        own = facts.own.get("relay_domains", "")
        added = ", ".join(filter(None, (own, domain)))
        yield (
            f"mail for {domain} (bounce_domain) is not taken in by this instance, so later bounces are no"
            f" events; in main.cf say: relay_domains = {added}"
        )
    tables = facts.values["transport_maps"]
    wanted = destination(config)
    if wanted not in _answers(domain, tables, facts.config_directory):
        added = ", ".join(filter(None, (tables, f"inline:{{{{ {domain} = {wanted} }}}}")))
        yield (
            f"mail for {domain} (bounce_domain) does not lead to the mail intake, so later bounces,"
            f" complaints and unsubscribes by mail are no events; in main.cf say: transport_maps = {added}"
        )


def _listed(domain: str, value: str, folder: Path) -> bool:
    """Whether a list of domains has one: in itself, in a file, or in a table (postconf(5), relay_domains)."""
    for word in re.split(r"[,\s]+", value):
        if word.lower() == domain:
            return True
        if (
            word.startswith("/")
            and domain in Path(word).read_text(encoding="utf-8", errors="replace").split()
        ):
            return True
    return bool(_answers(domain, value, folder))


def _answers(domain: str, tables: str, folder: Path) -> list[str]:
    """Return what those of `tables` that are tables say of a domain."""
    asked = (table for table in _TABLE.findall(tables) if ":" in table)
    return [answer for table in asked if (answer := _asked(domain, table, folder))]


def _asked(domain: str, table: str, folder: Path) -> str:
    return run([command("postmap"), "-c", str(folder), "-q", domain, table]).stdout.strip()
