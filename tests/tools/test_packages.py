"""The script that installs Debian packages: real dpkg, a made-up package, an apt-get that only writes down.

The runs as root see a /usr/sbin of their own, in a mount namespace, because the script puts its guard there.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"
ABSENT = "estafeta-no-such-package"
LIST = f"""\
# a comment, and an empty line

run  | dpkg | installed everywhere
run  | {ABSENT} | never installed
run  | {ABSENT}-unneeded | what stands in for it is here | test -x /bin/sh
test | {ABSENT}-for-tests | never installed | false
"""
DENY, ALLOW = "#!/bin/sh\nexit 101\n", "#!/bin/sh\nexit 0\n"
namespaces = pytest.mark.skipif(
    subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0,
    reason="needs root and mount namespaces",
)


@dataclass(frozen=True, slots=True)
class House:
    """A tree with the script, a list and stand-ins for what would change this machine."""

    root: Path

    def put(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def run(self, *groups: str, uid: int, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        self.put("bin/id", f"#!/bin/sh\necho {uid}\n")
        env = {**os.environ, "PATH": f"{self.root}/bin:/usr/bin:/bin"}
        argv = [*prefix, str(self.root / "tools/packages.sh"), *groups]
        return subprocess.run(argv, env=env, capture_output=True, text=True, check=False)

    def run_as_root(self, *groups: str) -> subprocess.CompletedProcess[str]:
        mount = f'mount --bind {self.root}/sbin /usr/sbin && exec "$@"'
        return self.run(*groups, uid=0, prefix=("unshare", "--mount", "sh", "-c", mount, "sh"))

    def written(self) -> list[str]:
        path = self.root / "apt-get.log"
        return path.read_text().splitlines() if path.exists() else []

    def guards(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in (self.root / "sbin").iterdir()}


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    made.put("tools/debian-packages.txt", LIST)
    shutil.copy(TOOLS / "packages.sh", tmp_path / "tools")
    (tmp_path / "sbin").mkdir()
    # apt-get notes its arguments and what a maintainer script would be told about starting a daemon.
    guard = (
        "daemons=allowed; [ ! -x /usr/sbin/policy-rc.d ] || /usr/sbin/policy-rc.d postfix start || daemons=no"
    )
    made.put("bin/apt-get", f'#!/bin/sh\n{guard}\necho "$* daemons=$daemons" >> {tmp_path}/apt-get.log\n')
    return made


def test_with_nothing_missing_it_says_nothing_and_calls_nobody(house: House) -> None:
    house.put("tools/debian-packages.txt", "run | dpkg | installed everywhere\n")
    done = house.run("run", "test", uid=0)
    assert (done.returncode, done.stdout, done.stderr, house.written()) == (0, "", "", [])


@pytest.mark.parametrize(
    ("groups", "packages"), [(["run"], ABSENT), (["run", "test"], f"{ABSENT} {ABSENT}-for-tests")]
)
def test_without_root_it_names_the_exact_command_and_ends_with_2(
    house: House, groups: list[str], packages: str
) -> None:
    done = house.run(*groups, uid=1000)
    assert done.returncode == 2
    assert f"    apt-get install --no-install-recommends {packages}\n" in done.stderr
    assert house.written() == []


def test_tables_of_postfix_are_asked_for_in_the_version_that_is_installed(house: House) -> None:
    house.put("tools/debian-packages.txt", "run | postfix-no-such-table | a table\n")
    query = ["dpkg-query", "-W", "-f", "${Version}", "postfix"]
    version = subprocess.run(query, capture_output=True, text=True, check=True).stdout
    assert f" postfix-no-such-table={version}\n" in house.run("run", uid=1000).stderr


@namespaces
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        ({"policy-rc.d": DENY}, {"policy-rc.d": DENY}),
        ({"policy-rc.d": ALLOW}, {"policy-rc.d": ALLOW}),
        ({"policy-rc.d": DENY, "policy-rc.d.before-estafeta": ALLOW}, {"policy-rc.d": ALLOW}),
    ],
    ids=["no guard", "one that denies", "one that allows", "one left by a run that was killed"],
)
def test_no_daemon_may_start_and_the_guard_is_afterwards_what_it_was(
    house: House, before: dict[str, str], after: dict[str, str]
) -> None:
    for name, text in before.items():
        house.put(f"sbin/{name}", text)
    done = house.run_as_root("run")
    assert (done.returncode, done.stderr) == (0, "")
    update, install = house.written()
    assert update == "-q update daemons=no"
    assert install.startswith("-q --yes --no-install-recommends --no-remove ")
    assert install.endswith(f" install {ABSENT} daemons=no")
    assert house.guards() == after


@namespaces
def test_a_failed_installation_shows_the_end_of_its_log_and_puts_the_guard_back(house: House) -> None:
    house.put("sbin/policy-rc.d", ALLOW)
    house.put("bin/apt-get", "#!/bin/sh\necho E: no such thing\nexit 100\n")
    done = house.run_as_root("run")
    assert done.returncode == 1
    assert "E: no such thing" in done.stderr
    assert f"apt-get install --no-install-recommends {ABSENT}" in done.stderr
    assert house.guards() == {"policy-rc.d": ALLOW}


def shipped_lines() -> list[str]:
    lines = (TOOLS / "debian-packages.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("line", shipped_lines(), ids=lambda line: line.split("|")[1].strip())
def test_every_shipped_package_has_a_group_and_a_reason(line: str) -> None:
    group, package, reason, *unless = (field.strip() for field in line.split("|"))
    assert group in {"run", "test", "bench"}
    assert len(package.split()) == 1
    assert reason
    assert len(unless) <= 1


@pytest.mark.skipif(shutil.which("node") is None, reason="asks about a machine that has node")
def test_a_machine_that_has_node_keeps_its_own(house: House) -> None:
    shutil.copy(TOOLS / "debian-packages.txt", house.root / "tools")
    assert "nodejs" not in house.run("run", "test", uid=1000).stderr.split()
