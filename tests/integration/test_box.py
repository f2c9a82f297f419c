"""The box for trying: provisioned as Vagrant does it, in a machine that is gone afterwards."""

import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator

import pytest

from estafeta_testing import documents, packages
from estafeta_testing.documents import ROOT
from estafeta_testing.fresh_root import NEEDS_ROOT, Machine, booted

pytestmark = NEEDS_ROOT

PATIENCE = 60.0
VAGRANTFILE = (ROOT / "Vagrantfile").read_text()
FORWARDED = {host: guest for guest, host in re.findall(r"^  (\d+) => (\d+),", VAGRANTFILE, re.MULTILINE)}


@pytest.fixture(scope="module")
def box() -> Iterator[Machine]:
    """A box, once `vagrant up` has gone through."""
    with booted() as machine:
        shutil.copytree(ROOT / "vagrant", machine.root / "vagrant" / "vagrant")
        machine.put(packages.built("0.0.1"), "/srv/estafeta.deb")
        machine.run("/vagrant/vagrant/provision.sh /vagrant /srv/estafeta.deb", timeout=280)
        yield machine


def in_box(command: str) -> str:
    """Return a command of the host's, as it is run in the box: the host's ports are the box's."""
    words = shlex.split(command)
    if words[:3] == ["vagrant", "ssh", "-c"]:
        return words[3].removeprefix("sudo ")
    return re.sub(r"localhost:(\d+)", lambda found: f"localhost:{FORWARDED[found[1]]}", command)


@pytest.mark.release
def test_the_demonstration_goes_through(box: Machine) -> None:
    _up, demo = documents.block("vagrant up").commands
    said = box.run(in_box(demo), timeout=280)
    assert "✗" not in said
    assert "Everything was as it should be." in said


@pytest.mark.release
def test_a_message_of_the_hosts_is_caught_and_shown(box: Machine) -> None:
    [command] = documents.block("swaks --server localhost:10587").commands
    assert "queued as" in box.run(in_box(command))
    page = wait(box, "curl -s http://localhost:8026/", "news@acme.example.*/m/")
    [name] = re.findall(r"news@acme\.example.*?/m/([^\"]+)", page)[:1]
    raw = box.run(f"curl -s http://localhost:8026/m/{name}/raw")
    [link] = re.findall(r"http://localhost:8025/c/\S+", raw)
    assert "location: https://shop.example/spring" in box.run(f"curl -si {link}").lower()


@pytest.mark.release
def test_it_keeps_all_mail_and_is_provisioned_again(box: Machine) -> None:
    again = box.run("/vagrant/vagrant/provision.sh /vagrant /srv/estafeta.deb", timeout=280)
    assert "nothing to change, and every listener answers" in again
    box.run("echo hello | sendmail -f root somebody@example.net")
    wait(box, "cat /var/lib/outbox/new/*", "Delivered-To: somebody@example.net")
    denied = box.run("systemctl show --property IPAddressDeny --value postfix@-.service")
    assert {"0.0.0.0/0", "::/0"} <= set(denied.split())


def wait(box: Machine, command: str, expected: str) -> str:
    """Return what a command says as soon as it says what is expected."""
    deadline = time.monotonic() + PATIENCE
    while True:
        said = box.run(command)
        if re.search(expected, said, re.DOTALL):
            return said
        assert time.monotonic() < deadline, said
        time.sleep(0.2)


@pytest.mark.parametrize("command", ["ruby -c Vagrantfile", "vagrant validate --ignore-provider"])
def test_ruby_and_vagrant_take_the_vagrantfile(command: str) -> None:
    program, *_ = words = command.split()
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed, so it has not read the Vagrantfile")
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
