"""The unix sockets between Postfix and the daemons: their names, who may open them; how many there may be.

Every daemon's socket lies in `run_dir`, mode 0660 and of Postfix's group, so that no
other local user can log in, ask for a decision or inject a message past Postfix.
"""

import contextlib
import resource
import shutil
import socket
from pathlib import Path

PATH_LIMIT = 107  # bytes in sockaddr_un.sun_path on Linux, without its NUL


class SocketError(Exception):
    """A socket that cannot be used; the text says what to do."""


def sasl(run_dir: Path) -> Path:
    """Return the SASL back end's socket (smtpd_sasl_path)."""
    return run_dir / "sasl.sock"


def policy(run_dir: Path) -> Path:
    """Return the policy delegation socket (check_policy_service)."""
    return run_dir / "policy.sock"


def milter(run_dir: Path) -> Path:
    """Return the milter's socket (smtpd_milters)."""
    return run_dir / "milter.sock"


def copies(run_dir: Path) -> Path:
    """Return the milter's socket for copies (smtpd_milters of their listener alone)."""
    return run_dir / "copies.sock"


def receipt(run_dir: Path) -> Path:
    """Return the receipt proxy's socket (smtpd_proxy_filter)."""
    return run_dir / "receipt.sock"


def intake(run_dir: Path) -> Path:
    """Return the mail intake's socket (virtual_transport)."""
    return run_dir / "intake.sock"


def claim(path: Path) -> None:
    """Make `path` free to bind: remove a dead socket, refuse a live one or a path too long."""
    if len(str(path).encode()) > PATH_LIMIT:
        raise SocketError(f"{path}: a socket's path may have {PATH_LIMIT} bytes; choose a shorter run_dir")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            return
    raise SocketError(f"{path}: another process serves this socket; stop it first")


def share(path: Path, group: str) -> None:
    """Let `group` and nobody else connect to the socket at `path`."""
    try:
        shutil.chown(path, group=group)
    except LookupError:
        raise SocketError(f"{path}: there is no group {group!r}; set socket_group") from None
    path.chmod(0o660)


def use_every_descriptor() -> None:
    """Raise the limit of open files as far as permitted: past it, connections are dropped unheard.

    systemd starts services with 1,024 and permits 524,288.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
