"""Our services on an instance that serves the operator's own mail too, each complete in its overrides.

    listeners, the receipt's, their cleanup         as on an instance of our own, shielded from main.cf
    estafeta-split, estafeta-delivery, -copies      the same
    estafeta-lmtp                                   the way to the mail intake
    estafeta-requeue                                the operator's own cleanup(8), and one look for our fields
    estafeta-pool-NAME                              ways out: main.cf holds for them, but for the address

Everything else leaves as the operator's configuration says, by the operator's smtp(8), local(8) or whatever
transport_maps name. bounce(8) stays the operator's: see docs/installation.md about notices.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from estafeta_core.config.schema import Config
from estafeta_postfix.render import copies, intake, outbound, receipt
from estafeta_postfix.render.listener import listener_service
from estafeta_postfix.render.master_cf import listener_cleanup
from estafeta_postfix.render.place import Ways
from estafeta_postfix.render.service import Service
from estafeta_postfix.render.shield import shielded
from estafeta_postfix.render.values import plain

FOLDER = "estafeta"  # in the configuration directory: the tables of the listeners
TABLES = f"$config_directory/{FOLDER}"


# Made of $myhostname where main.cf says nothing else, and our services have a name of their own.
NAMES = ("mydomain", "myorigin", "mydestination")


@dataclass(frozen=True, slots=True)
class Operator:
    """What of the operator's own configuration our services carry on. Values as they are written there."""

    ways: Ways
    cleanup: Service  # cleanup(8) as master.cf has it, which pickup(8) hands mail to
    names: Mapping[str, str]  # NAMES, `$` expanded
    header_checks: str = ""
    # mime_header_checks and nested_header_checks: "" where main.cf sets them, or they follow header_checks
    followers: Mapping[str, str] = field(default_factory=dict)
    smtp_header_checks: str = ""


def services(config: Config, operator: Operator) -> list[Service]:
    """Return every service, in the order in which master.cf lists them. RenderError as the parts raise it."""
    hostname = plain("hostname", config.hostname)
    shared = [intake.transport(), requeue(operator), *_pools(config, operator)]
    own = (shielded(each, hostname, operator.names) for each in ours(config, operator.ways, TABLES))
    return [*own, *shared]


def ours(config: Config, ways: Ways, tables_folder: str) -> list[Service]:
    """Return the services that no other mail goes by, on an instance of whosever; RenderError."""
    split, delivery, again, _ = copies.services(config, ways)
    return [
        *(listener_service(config, name, tables_folder) for name in config.listeners),
        *receipt.services(config),
        listener_cleanup(ways),
        *(split, delivery, again),
    ]


def requeue(operator: Operator) -> Service:
    """Return the cleanup(8) of pickup(8): the operator's, which finds a job or a pool in a header besides.

    It is asked for local mail too, which leaves it as it would leave the operator's, and is logged alike.
    """
    own = operator.cleanup
    ours = copies.header_checks(operator.ways)
    checks = {"header_checks": f"{ours}, {operator.header_checks}".rstrip(", ")}
    options = {**own.options, **operator.followers, **checks}
    return replace(own, name=copies.REQUEUE, options=options)


def _pools(config: Config, operator: Operator) -> list[Service]:
    """Return the transports of the pools; they take out a field of ours, and what the operator takes out."""
    pools = [each for each in outbound.services(config) if each.name.startswith(outbound.POOL)]
    if not operator.smtp_header_checks:
        return pools
    return [
        replace(each, options={**each.options, **_joined(each, operator.smtp_header_checks)})
        for each in pools
    ]


def _joined(pool: Service, checks: str) -> dict[str, str]:
    return {"smtp_header_checks": f"{pool.options['smtp_header_checks']}, {checks}"}
