"""What a reload cannot change: what Postfix was told, and what a process took hold of when it started.

Everything else takes effect when the files are read again. Until somebody renders and restarts, what stands
here may disagree between Postfix, which has the old settings, and the daemons, which read the new ones: a
listener whose `receipt` changed answers without receipts, or defers every message.
"""

from collections.abc import Mapping

import msgspec

from estafeta_core.config.schema import Config, IpPool, Listener

RENDER = "changed since this process was started: render Postfix again and restart"
RESTART = "changed since this process was started: restart"

# Postfix's files hold them, besides the listeners and the pools of addresses.
_RENDERED = (
    "hostname",
    "bounce_domain",
    "run_dir",
    "state_dir",
    "maillog",
    "queue_directory",
    "milter_processes",
)
# Opened or bound by processes alone.
_TAKEN = ("store", "node", "store_timeout", "socket_group", "log_format", "web")
_LIVE = frozenset({"deprecated"})  # keys of a listener that the daemons alone read, at each message


def pending(started: Config, current: Config) -> list[str]:
    """Return `key: what to do` for each setting of `current` that waits for a restart."""
    return [
        *(f"{key}: {RENDER}" for key in _RENDERED if getattr(started, key) != getattr(current, key)),
        *(f"{key}: {RESTART}" for key in _TAKEN if getattr(started, key) != getattr(current, key)),
        *([f"hosting.shared: {RESTART}"] if started.hosting.shared != current.hosting.shared else []),
        *(f"listeners.{key}: {RENDER}" for key in _of_named(started.listeners, current.listeners)),
        *(f"ip_pools.{key}: {RENDER}" for key in _of_named(started.ip_pools, current.ip_pools)),
    ]


def _of_named(
    started: Mapping[str, Listener | IpPool], current: Mapping[str, Listener | IpPool]
) -> list[str]:
    """Return NAME for each that came or went, and NAME.KEY for what is new of those that stayed."""
    changed: list[str] = []
    for name in sorted({*started, *current}):
        if name not in started or name not in current:
            changed.append(name)
            continue
        old, new = msgspec.structs.asdict(started[name]), msgspec.structs.asdict(current[name])
        changed += [f"{name}.{key}" for key in old if key not in _LIVE and old[key] != new[key]]
    return changed
