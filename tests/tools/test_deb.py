"""The Debian package, installed, upgraded and purged on a copy of this machine that is gone afterwards."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "packaging" / "systemd").glob("*.service"))
EXPOSURE = 2.0  # systemd's own measure of what a service could do, from 0 (nothing) to 10
FOLDERS = ("dev", "proc", "sys")


@dataclass(frozen=True, slots=True)
class Machine:
    """This machine's files below `root`, with what is written there in memory."""

    root: Path

    def run(self, script: str, *, succeeds: bool = True) -> str:
        """Run a shell script there and return what it says; whether it should succeed is checked."""
        done = subprocess.run(
            ["chroot", str(self.root), "sh", "-ec", script],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        said = done.stdout + done.stderr
        assert (done.returncode == 0) is succeeds, said
        return said


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the package, and one of a later version."""
    folder = tmp_path_factory.mktemp("deb")
    said = subprocess.run(
        ["tools/deb.sh", "0.0.1"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=280
    )
    older = folder / "older.deb"
    shutil.move(ROOT / said.stdout.strip(), older)
    content, newer = folder / "content", folder / "newer.deb"
    subprocess.run(["dpkg-deb", "-R", str(older), str(content)], check=True)
    control = content / "DEBIAN" / "control"
    control.write_text(control.read_text().replace("Version: 0.0.1", "Version: 0.0.2"))
    sample = content / "etc" / "estafeta" / "estafeta.yaml"
    sample.write_text(sample.read_text() + "\n# a later version's\n")
    build = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(content), str(newer)]
    subprocess.run(build, check=True, capture_output=True)
    return older, newer


@pytest.fixture
def machine(packages: tuple[Path, Path], tmp_path: Path) -> Iterator[Machine]:
    """Return a copy of this machine; the packages lie in its /srv."""
    layers, root = tmp_path / "layers", tmp_path / "root"
    root.mkdir()
    layers.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(layers)], check=True)
    mounted = [layers]
    try:
        upper, work = layers / "upper", layers / "work"
        upper.mkdir()
        work.mkdir()
        options = f"lowerdir=/,upperdir={upper},workdir={work}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(root)], check=True)
        mounted.append(root)
        for name in FOLDERS:
            subprocess.run(["mount", "--rbind", f"/{name}", str(root / name)], check=True)
            mounted.append(root / name)
        for package in packages:
            shutil.copy(package, root / "srv" / package.name)
        yield Machine(root)
    finally:
        for place in reversed(mounted):
            subprocess.run(["umount", "--recursive", "--lazy", str(place)], check=True)


def test_it_is_installed_upgraded_and_purged_without_a_trace(machine: Machine) -> None:
    before = machine.run("find /etc/postfix /etc/default -type f -exec md5sum {} + | sort")
    machine.run("dpkg -i /srv/older.deb")
    assert machine.run("find /etc/postfix /etc/default -type f -exec md5sum {} + | sort") == before
    assert "0.1.0" in machine.run("estafeta --version")
    assert machine.run("stat -c '%a %U %G' /etc/estafeta /etc/estafeta/estafeta.yaml").splitlines() == [
        "750 root estafeta",
        "640 root estafeta",
    ]
    assert "cannot" not in machine.run("runuser -u estafeta -- estafeta check")
    assert "ESTAFETA-KEY-CREATE" in machine.run("zcat /usr/share/man/man1/estafeta-key-create.1.gz")
    assert "_estafeta_completion" in machine.run("cat /usr/share/bash-completion/completions/estafeta")

    key = machine.run("cat /etc/estafeta/keys/link-2026.key")
    assert len(key) == 64
    machine.run("echo '# mine' >> /etc/estafeta/estafeta.yaml; echo kept > /var/lib/estafeta/estafeta.db")
    machine.run("dpkg -i --force-confdef --force-confold /srv/newer.deb")
    assert machine.run("tail -n 1 /etc/estafeta/estafeta.yaml") == "# mine\n"
    assert machine.run("cat /etc/estafeta/keys/link-2026.key") == key
    assert machine.run("cat /var/lib/estafeta/estafeta.db") == "kept\n"

    machine.run("dpkg --purge estafeta")
    left = "find /etc /usr /lib /var /run /opt -xdev -name '*estafeta*'"
    assert machine.run(left) == ""


def test_it_stays_while_postfix_asks_for_its_daemons(machine: Machine) -> None:
    machine.run("dpkg -i /srv/older.deb")
    machine.run("mkdir -p /etc/postfix; echo 'estafeta-split unix - - n - - smtp' >> /etc/postfix/master.cf")
    said = machine.run("dpkg --remove estafeta", succeeds=False)
    assert "estafeta postfix uninstall" in said
    assert "0.1.0" in machine.run("estafeta --version")


def test_the_daemons_run_as_their_own_user(machine: Machine) -> None:
    machine.run("dpkg -i /srv/older.deb")
    machine.run("sed -i 's/^# web:/web:/; s/^#   port: 8025  /  port: 18025/' /etc/estafeta/estafeta.yaml")
    said = machine.run(
        "setpriv --reuid estafeta --regid estafeta --groups postfix,adm --no-new-privs "
        "estafeta serve web & pid=$!\n"
        "for n in $(seq 100); do curl -s http://127.0.0.1:18025/healthz && break; sleep 0.1; done\n"
        "grep -E '^(Uid|CapEff):' /proc/$pid/status; kill $pid; wait $pid"
    )
    assert '"status":"ok"' in said
    assert "CapEff:\t0000000000000000" in said
    assert "Uid:\t0" not in said


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_l3_a_unit_may_do_next_to_nothing(unit: Path) -> None:
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(unit)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    level = float(said.rpartition("Overall exposure level for ")[2].split()[1])
    assert level <= EXPOSURE, said


def test_systemd_finds_nothing_wrong_with_the_units(machine: Machine) -> None:
    machine.run("dpkg -i /srv/older.deb")
    units = "estafeta*.service estafeta*.socket estafeta.target"
    assert machine.run(f"cd /lib/systemd/system && systemd-analyze verify $(ls {units})") == ""
