"""The daemons by role: where each begins, and the command that serves it."""

import importlib
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

from estafeta_core import memory, sockets
from estafeta_core.config.schema import Config
from estafeta_policy import listening
from estafeta_postfix.supervisor import Program

# Where each role's `run(config_path) -> exit status` is. The modules are loaded when they are served:
# a process of one role holds nothing of the others.
RUNNERS = {
    "sasl": ("estafeta_policy.daemon", "run_sasl"),
    "policy": ("estafeta_policy.daemon", "run_policy"),
    "milter": ("estafeta_milter.daemon", "run_milter"),
    "web": ("estafeta_web.daemon", "run_web"),
    "worker": ("estafeta_postfix.worker", "run_worker"),
    "intake": ("estafeta_postfix.mail_intake.daemon", "run_intake"),
    "receipt": ("estafeta_postfix.receipt.daemon", "run_receipt"),
}


def roles(config: Config) -> list[str]:
    """Return the roles that a configuration has work for, in the order to start them."""
    receipts = any(listener.receipt for listener in config.listeners.values())
    return [role for role in RUNNERS if role != "receipt" or receipts]


def serve(role: str, config: Path) -> int:
    """Run one daemon in this process until it is stopped; return its exit status."""
    memory.settle()
    module, name = RUNNERS[role]
    runner = cast("Callable[[Path], int]", getattr(importlib.import_module(module), name))
    return runner(config)


def program(role: str, path: Path, log: Path | None = None) -> Program:
    """Return the program that serves one role, with exactly this interpreter."""
    arguments = [sys.executable, "-m", "estafeta_postfix", "--config", str(path), "serve", role]
    return Program(role, arguments, log)


def programs(path: Path, config: Config, logs: Path | None = None) -> list[Program]:
    """Return the programs of all `roles`, in the order to start them; `logs` is a folder for a log of each.

    The SASL socket is bound here and held while its daemon is away: an smtpd(8) that cannot reach it at its
    start ends, and master(8) lets none start for a minute. SocketError when another process serves it.
    """
    every = {role: program(role, path, logs and logs / f"{role}.log") for role in roles(config)}
    listener = listening.bound(sockets.sasl(config.run_dir), config.socket_group)
    every["sasl"] = replace(every["sasl"], listener=listener)
    return list(every.values())
