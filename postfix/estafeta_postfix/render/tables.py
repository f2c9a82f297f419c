"""Files in which the smtpd(8) of a listener looks things up (regexp_table(5)): its dialect's own lines.

NAME.command_filter    smtpd_command_filter: commands that become unknown ones, which the milter answers
NAME.reject_footer     smtpd_reject_footer_maps: text behind Postfix's own refusals

A file is there only where the listener speaks for one dialect and that dialect has such lines: where several
share a port, nobody can tell before the login whose words are right.
"""

from estafeta_core.config.schema import Config, Listener
from estafeta_core.dialects import DIALECTS
from estafeta_core.dialects.base import Dialect
from estafeta_postfix.render.main_cf import NOTE

COMMAND_FILTER = "command_filter"
REJECT_FOOTER = "reject_footer"
KINDS = (COMMAND_FILTER, REJECT_FOOTER)

_PARAMETERS = {COMMAND_FILTER: "smtpd_command_filter", REJECT_FOOTER: "smtpd_reject_footer_maps"}


def only_dialect(listener: Listener) -> Dialect | None:
    """Return the dialect of a listener that has one only."""
    return DIALECTS[listener.dialects[0]] if len(listener.dialects) == 1 else None


def tables(config: Config) -> dict[str, str]:
    """Return the text of each file, by its name in the configuration directory."""
    return {
        f"{name}.{kind}": NOTE + "".join(f"{line}\n" for line in lines)
        for name, listener in config.listeners.items()
        for kind, lines in _lines(listener).items()
    }


def options(name: str, listener: Listener, folder: str = "$config_directory") -> dict[str, str]:
    """Return the overrides that make the listener called `name` read its files, which are in `folder`."""
    return {
        _PARAMETERS[kind]: f"regexp:{folder}/{name}.{kind}" if kind in _lines(listener) else ""
        for kind in KINDS
    }


def _lines(listener: Listener) -> dict[str, tuple[str, ...]]:
    dialect = only_dialect(listener)
    if dialect is None:
        return {}
    limit = listener.size_limit or dialect.size_limit
    found = {COMMAND_FILTER: dialect.command_filter, REJECT_FOOTER: dialect.reject_footers(limit)}
    return {kind: lines for kind, lines in found.items() if lines}
