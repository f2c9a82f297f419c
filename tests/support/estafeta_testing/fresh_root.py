"""A fresh Debian 12 server that runs, and is gone afterwards: systemd, Postfix, opendkim, rsyslog.

The root is made once a checkout, below `.cache`, by mmdebstrap (debootstrap's work in less than half its
time), and is never written again. A machine is an overlay of it in memory, booted by systemd-nspawn in
namespaces of its own: its ports, processes and files are nobody else's, and the kernel ends them with the
process that began it, however that ends. It has no network but its own loopback.
"""

import contextlib
import hashlib
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from estafeta_core.store.filelock import FileLock
from estafeta_postfix.supervisor import dying_with_parent

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / ".cache"
SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
# What an operator's mail server has, and what the package of Estafeta depends on.
PACKAGES = [
    *("postfix", "opendkim", "rsyslog", "logrotate", "openssl", "iproute2", "procps"),
    *("systemd", "systemd-sysv", "dbus", "adduser", "ca-certificates", "python3", "libmilter1.0.1"),
    *("ssl-cert", "curl", "swaks", "libnet-ssleay-perl", "libio-socket-ssl-perl"),  # of whom tries it
]
# What every test file that boots a machine is marked with.
NEEDS_ROOT = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can boot a machine"),
    pytest.mark.timeout(900),  # whoever comes first makes the root and builds the package
]
PATIENCE = 60.0  # seconds until it has booted; two are usual
# Whatever is mounted or started in these is gone when the one process that began it is, however it ends.
_NAMESPACES = ["unshare", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child"]

# A cgroup of its own first: two containers of one cgroup would take each other's services for their own.
_BOOT = """
mount -t tmpfs -o mode=755 tmpfs "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
for place in "$@"; do
    case $place in */cgroup.procs) echo $$ > "$place" ;; esac
done
exec systemd-nspawn --quiet --boot --directory="$2/root" --machine=server --private-network --register=no \\
    --keep-unit --console=pipe
"""
# Before systemd listens the answer is "offline"; "degraded": a unit failed, and who needs it will say so.
_HAS_BOOTED = """
until systemctl is-system-running --wait 2>/dev/null | grep -qE '^(running|degraded)$'; do sleep 0.1; done
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """A server that has booted. `leader` is the process id, seen from here, of its process 1."""

    leader: int

    @property
    def root(self) -> Path:
        """Its files, to be read and written from here; a symbolic link in it leads to a file of this host."""
        return Path(f"/proc/{self.leader}/root")

    def command(self, *command: str) -> list[str]:
        """Return the command line that runs `command` there, as root."""
        environment = ["env", "-i", "HOME=/root", "LANG=C.UTF-8", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        return ["nsenter", f"--target={self.leader}", "--all", "--wdns=/", *environment, *command]

    def run(self, script: str, *, succeeds: bool = True, timeout: float = 120) -> str:
        """Run a shell script there and return what it says; whether it should succeed is checked."""
        done = subprocess.run(
            self.command("sh", "-ec", script),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        said = done.stdout + done.stderr
        assert (done.returncode == 0) is succeeds, said
        return said

    def put(self, file: Path, place: str) -> None:
        """Copy a file of this host to `place` there."""
        shutil.copy(file, self.root / place.lstrip("/"))


def fresh_root() -> Path:
    """Return the root, which is made when this list of packages has none yet; takes a minute or two then."""
    wanted = [SUITE, MIRROR, *PACKAGES]
    root = CACHE / f"fresh-root-{hashlib.sha256(' '.join(wanted).encode()).hexdigest()[:12]}"
    with locked(CACHE / "fresh-root.lock"):
        if not root.exists():
            for older in CACHE.glob("fresh-root-*"):
                shutil.rmtree(older)
            draft = CACHE / "fresh-root-draft"
            if draft.exists():
                shutil.rmtree(draft)
            command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=directory"]
            # No translations, which nobody reads; no kernel's log, which rsyslogd reads without a rest here.
            command += ["--dpkgopt=path-exclude=/usr/share/locale/*", "--dpkgopt=force-unsafe-io"]
            command += ["--customize-hook=sed -i /imklog/d $1/etc/rsyslog.conf"]
            command += [f"--include={','.join(PACKAGES)}", SUITE, str(draft), MIRROR]
            whole = dying_with_parent([*_NAMESPACES, *command])
            done = subprocess.run(whole, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            draft.rename(root)
    return root


@contextlib.contextmanager
def booted() -> Iterator[Machine]:
    """Boot a machine and wait until its services have started; it is ended at the end."""
    root = fresh_root()
    with tempfile.TemporaryDirectory(prefix="estafeta-server-") as layers, _cgroups() as places:
        command = dying_with_parent([*_NAMESPACES, "sh", "-ec", _BOOT, "sh", str(root), layers, *places])
        with (
            (Path(layers) / "console").open("w+b") as console,
            subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT
            ) as process,
        ):
            try:
                machine = Machine(_leader(process, Path(layers) / "console"))
                machine.run(_HAS_BOOTED, timeout=PATIENCE)
                yield machine
            finally:
                process.kill()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock among all test workers of this checkout."""
    path.parent.mkdir(exist_ok=True)
    lock = FileLock(path)
    lock.acquire()
    try:
        yield
    finally:
        lock.close()


def _leader(process: "subprocess.Popen[bytes]", console: Path) -> int:
    """Return the process id of the machine's systemd: the child of nspawn, which is unshare's child."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        for nspawn in _children(process.pid):
            for child in _children(nspawn):
                if Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                    return child
        time.sleep(0.02)
    raise AssertionError(f"the machine did not boot:\n{console.read_text(errors='replace')}")


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:  # it has ended meanwhile
        return []


@contextlib.contextmanager
def _cgroups() -> Iterator[list[str]]:
    """Make a cgroup in each hierarchy that systemd may use; give the files that take a process in."""
    name = f"estafeta-{os.getpid()}-{secrets.token_hex(3)}"
    hierarchies = [Path("/sys/fs/cgroup") / each for each in ("systemd", "unified", "")]
    made = [each / name for each in hierarchies if (each / "cgroup.procs").exists()]
    for group in made:
        group.mkdir()
    try:
        yield [str(group / "cgroup.procs") for group in made]
    finally:
        for group in made:
            _remove(group)


def _remove(group: Path) -> None:
    """Remove a cgroup with all below it, once the kernel has taken its dead processes out."""
    deadline = time.monotonic() + PATIENCE
    for folder, _, _ in os.walk(group, topdown=False):
        while True:
            try:
                Path(folder).rmdir()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
