"""The Debian package, installed, upgraded and purged on a fresh Debian 12 that is gone afterwards."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_testing import fresh_root, packages
from estafeta_testing.fresh_root import Machine

UNITS = sorted((fresh_root.ROOT / "packaging" / "systemd").glob("*.service"))
EXPOSURE = 2.0  # systemd's own measure of what a service could do, from 0 (nothing) to 10

pytestmark = fresh_root.NEEDS_ROOT


@pytest.fixture
def machine() -> Iterator[Machine]:
    """Return a server with the package, and one of a later version, in its /srv."""
    older = packages.built("0.0.1")
    newer = packages.renumbered(older, "0.0.2", sample="\n# a later version's\n")
    with fresh_root.booted() as machine:
        machine.put(older, "/srv/older.deb")
        machine.put(newer, "/srv/newer.deb")
        yield machine


def test_it_is_installed_upgraded_and_purged_without_a_trace(machine: Machine) -> None:
    before = machine.run("find /etc/postfix /etc/default -type f -exec md5sum {} + | sort")
    machine.run("dpkg -i /srv/older.deb")
    assert machine.run("find /etc/postfix /etc/default -type f -exec md5sum {} + | sort") == before
    assert "0.1.0" in machine.run("estafeta --version")
    assert machine.run("stat -c '%a %U %G' /etc/estafeta /etc/estafeta/estafeta.yaml").splitlines() == [
        "2750 root estafeta",
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
    left = "find / -name '*estafeta*' -not -path '/proc/*' -not -path '/sys/*'"
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
    machine.run("systemctl start estafeta-web")
    ask = "from urllib.request import urlopen; print(urlopen('http://127.0.0.1:18025/healthz').read())"
    assert '"status":"ok"' in machine.run(f'python3 -c "{ask}"')
    said = machine.run(
        "grep -E '^(Uid|CapEff):' /proc/$(systemctl show --value -p MainPID estafeta-web)/status"
    )
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
    assert machine.run(f"cd /lib/systemd/system && systemd-analyze verify --man=no $(ls {units})") == ""
