"""Transports by which mail leaves this host: Postfix's own smtp, and one for each pool of addresses.

    queue ── FILTER ──> estafeta-pool-NAME (smtp, from the pool's addresses) ──> relayhost

The milter writes a message's pool into the field X-Estafeta-Pool, and `header_checks` make a FILTER of it,
which stands in the queue file. A pool that Postfix does not have yet, or has no longer, is a transport that
is missing: its mail waits, and never leaves from an address that is not the pool's.

A FILTER holds for all recipients and knows no relayhost, so it names the relayhost itself.
"""

from estafeta_core.config.schema import Config, IpPool
from estafeta_core.rules.ip_pool import FIELD
from estafeta_postfix.render.place import Ways
from estafeta_postfix.render.service import Service
from estafeta_postfix.render.values import plain

POOL = "estafeta-pool-"  # how the name of a pool's transport begins

# A field of ours in the message's own header goes no further. Inside a part or an attached message any field
# is text: smtp_mime_header_checks and smtp_nested_header_checks are empty. Where there are header checks,
# smtp(8) takes a message apart as cleanup(8) does: it cuts every field, of a part as well, at the limit (no
# message is as long), and mends a blank before a colon in the header of a part. So it has checks only where
# mail has a field to take out. A job goes to the split alone, which leads back to this host.
_HEADERS = {
    "smtp_header_checks": "regexp:{{/^X-Estafeta-/ IGNORE}}",
    "header_size_limit": "2147483647",
}


def pool_rule(ways: Ways) -> str:
    """Return the line of a regexp table that leads a message with a pool to its transport.

    A name counts with its case (`i` turns off that it does not), as it does where a transport is looked up.
    """
    relayhost = plain("relayhost", ways.relayhost) if ways.relayhost else ""
    return f"{{/^{FIELD}: ([A-Za-z0-9._-]+)$$/i FILTER {POOL}$$1:{relayhost}}}"  # $$: one $, in a parameter


def services(config: Config) -> list[Service]:
    """Return the transports."""
    return [Service("smtp", "smtp"), *(_pool(name, pool) for name, pool in config.ip_pools.items())]


def _pool(name: str, pool: IpPool) -> Service:
    word = plain("name of an IP pool", name)
    return Service(
        name=f"{POOL}{word}",
        command="smtp",
        options={"syslog_name": f"postfix/{POOL}{word}", **_HEADERS, **_addresses(pool), **_greeting(pool)},
    )


def _addresses(pool: IpPool) -> dict[str, str]:
    """Return what binds a transport to the pool's addresses: mail waits rather than leave from another.

    With an address of one family only, it does not use the other: there the system would choose.
    """
    given = {"smtp_bind_address": pool.bind_address, "smtp_bind_address6": pool.bind_address6}
    bound = {key: plain(key, address) for key, address in given.items() if address}
    if not bound:
        return {}
    families = "all" if len(bound) == len(given) else "ipv4" if pool.bind_address else "ipv6"
    return {**bound, "smtp_bind_address_enforce": "yes", "inet_protocols": families}


def _greeting(pool: IpPool) -> dict[str, str]:
    return {"smtp_helo_name": plain("helo", pool.helo)} if pool.helo else {}
