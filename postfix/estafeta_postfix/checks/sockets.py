"""Whether each daemon answers at its socket, and Postfix's user may open it."""

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.install import probes

REPLY = 5.0  # seconds; a daemon that is alive answers within milliseconds

# The milter protocol's first packet, version 6: length, SMFIC_OPTNEG, version, actions, protocol (mfdef.h).
_NEGOTIATE = struct.pack("!IcIII", 13, b"O", 6, 0x1FF, 0x1FFFFF)


def look(setup: Setup) -> Iterator[Finding]:
    """Yield each daemon that Postfix cannot use, once, with all sockets of it."""
    places, broken = probes.places(setup.config), setup.broken_sockets
    if len(broken) == len(places):
        yield Finding(
            "error",
            "daemons-down",
            str(setup.config.run_dir),
            "no daemon can be reached here, and no mail is taken",
            "start them: systemctl start estafeta.target (or `estafeta serve all`); else compare run_dir",
        )
        return
    by_role: dict[str, list[str]] = {}
    for role, path, why in broken or _mute(places):
        by_role.setdefault(role, []).append(f"{path.name}: {why}")
    for role, reasons in by_role.items():
        yield Finding(
            "error",
            f"{role}-socket",
            str(setup.config.run_dir),
            ", ".join(reasons),
            f"see that `estafeta serve {role}` runs, with this run_dir and socket_group",
        )


def _mute(places: list[tuple[str, Path]]) -> Iterator[tuple[str, Path, str]]:
    """Yield the daemons that let a client in and say nothing. The others speak only when asked about mail."""
    for role, path in places:
        probe = _SPOKEN.get(role)
        if probe is not None and not probe(path):
            yield role, path, f"it does not answer within {REPLY:g} s"


def _greets(path: Path) -> bool:
    """Whether a SASL back end says its version (Dovecot's protocol)."""
    return _asked(path, b"").startswith(b"VERSION\t")


def _negotiates(path: Path) -> bool:
    """Whether a milter answers which packets it wants."""
    return _asked(path, _NEGOTIATE)[4:5] == b"O"


_SPOKEN: Mapping[str, Callable[[Path], bool]] = MappingProxyType({"sasl": _greets, "milter": _negotiates})


def _asked(path: Path, question: bytes) -> bytes:
    """Return the first bytes that come back; none where nothing does in time."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(REPLY)
        client.connect(str(path))
        client.sendall(question)
        return client.recv(4096)
    return b""
