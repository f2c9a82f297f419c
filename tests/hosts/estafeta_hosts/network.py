"""A network of its own for one trial: a namespace (ip-netns(8)) for each machine, all on one bridge.

The process that builds it has left the machine's network and mounts behind (`unshare` in hosts.py), so the
names are nobody else's, and all of it is gone with that process. Each machine knows the others' hardware
addresses for good: where one is cut off, what is sent to it vanishes, and nobody is told so.
"""

import contextlib
import ctypes
import itertools
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

NETWORK = 24  # bits of the network that all addresses are in
HERE = "192.0.2.1"  # of the process that builds it, on the bridge
BRIDGE = "02:00:00:00:00:01"
PATIENCE = 20.0  # seconds for the kernel to end what was killed
_NAMES = Path("/run/netns")
_CLONE_NEWNET = 0x40000000  # linux/sched.h
_libc = ctypes.CDLL(None, use_errno=True)


class Network:
    """Machines by name, each with one address; `clients` are further addresses of this process."""

    def __init__(self, machines: Mapping[str, str], clients: tuple[str, ...]) -> None:
        self._machines = machines
        _NAMES.mkdir(parents=True, exist_ok=True)
        _run("mount", "-t", "tmpfs", "tmpfs", str(_NAMES))
        _run("ip", "link", "set", "lo", "up")
        # An address that is set stays; otherwise it is that of a port, and changes when one is taken away.
        _run("ip", "link", "add", "lan", "address", BRIDGE, "type", "bridge")
        for address in (HERE, *clients):
            _run("ip", "address", "add", f"{address}/{NETWORK}", "dev", "lan")
        _run("ip", "link", "set", "lan", "up")
        for name, address in machines.items():
            self._add(name, address)
        for name in machines:
            self._introduce(name, clients)

    def _add(self, name: str, address: str) -> None:
        _run("ip", "netns", "add", name)
        _run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        _run("ip", "link", "set", name, "master", "lan", "up")
        _run("ip", "-n", name, "address", "add", f"{address}/{NETWORK}", "dev", "eth0")
        for device in ("lo", "eth0"):
            _run("ip", "-n", name, "link", "set", device, "up")

    def _introduce(self, name: str, clients: tuple[str, ...]) -> None:
        """Write down who has which hardware address, on both sides."""
        (found,) = json.loads(_run("ip", "-n", name, "-json", "link", "show", "eth0"))
        own = found["address"]
        _run("ip", "neighbour", "replace", self._machines[name], "lladdr", own, "dev", "lan")
        for address in (HERE, *clients):
            _run("ip", "-n", name, "neighbour", "replace", address, "lladdr", BRIDGE, "dev", "eth0")
        for other in self._machines.keys() - {name}:
            command = ("ip", "-n", other, "neighbour", "replace", self._machines[name])
            _run(*command, "lladdr", own, "dev", "eth0")

    @contextlib.contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Let this thread, and what it starts, be on a machine."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            there = os.open(_NAMES / name, os.O_RDONLY | os.O_CLOEXEC)
            try:
                _enter(there)
            finally:
                os.close(there)
            try:
                yield
            finally:
                _enter(home)
        finally:
            os.close(home)

    def cut(self, name: str) -> None:
        """Pull a machine's cable: nothing reaches it any more, and nobody is told so."""
        _run("ip", "link", "set", name, "nomaster")

    def mend(self, name: str) -> None:
        """Plug it in again."""
        _run("ip", "link", "set", name, "master", "lan")

    def processes(self, name: str) -> list[int]:
        """Return the ids of what runs on a machine."""
        return [int(pid) for pid in _run("ip", "netns", "pids", name).split()]

    def kill(self, name: str) -> None:
        """Kill everything on a machine with -9, also what is being started meanwhile.

        All of it stands still first: nobody is to hear of another's death, and take leave in order.
        """
        deadline = time.monotonic() + PATIENCE
        while pids := self.processes(name):
            assert time.monotonic() < deadline, f"{name}: {pids} do not end"
            for number, pid in itertools.product((signal.SIGSTOP, signal.SIGKILL), pids):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            time.sleep(0.01)


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout
