"""The daemons by role: where each begins, and the command that serves it."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

from estafeta_postfix.supervisor import Program

# Where each role's `run(config_path) -> exit status` is. The modules are loaded when they are served:
# a process of one role holds nothing of the others.
RUNNERS = {
    "sasl": ("estafeta_policy.daemon", "run_sasl"),
    "policy": ("estafeta_policy.daemon", "run_policy"),
    "milter": ("estafeta_milter.daemon", "run_milter"),
    "web": ("estafeta_web.daemon", "run_web"),
    "worker": ("estafeta_postfix.worker", "run_worker"),
}


def serve(role: str, config: Path) -> int:
    """Run one daemon in this process until it is stopped; return its exit status."""
    module, name = RUNNERS[role]
    runner = cast("Callable[[Path], int]", getattr(importlib.import_module(module), name))
    return runner(config)


def program(role: str, config: Path, log: Path | None = None) -> Program:
    """Return the program that serves one role, with exactly this interpreter."""
    arguments = [sys.executable, "-m", "estafeta_postfix", "--config", str(config), "serve", role]
    return Program(role, arguments, log)
