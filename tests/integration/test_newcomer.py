"""README.md's way to a delivered and tracked message on a server: its commands, one by one, as they stand."""

import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from estafeta_testing import documents, packages
from estafeta_testing.fresh_root import NEEDS_ROOT, booted

pytestmark = NEEDS_ROOT

MOST = 10
PATIENCE = 60.0  # seconds; a person who sees nothing yet asks again
END = "the end of what the command said:"


@dataclass(frozen=True, slots=True)
class Terminal:
    """A root shell on the server, where a variable stays from one command to the next."""

    shell: "subprocess.Popen[str]"

    def type(self, command: str) -> tuple[int, str]:
        """Return exit status and output of a command."""
        assert self.shell.stdin is not None
        assert self.shell.stdout is not None
        self.shell.stdin.write(f"{command}\necho; echo {END} $?\n")
        self.shell.stdin.flush()
        said = ""
        for line in self.shell.stdout:
            if line.startswith(END):
                return int(line.removeprefix(END)), said
            said += line
        raise AssertionError(f"{command}\n{said}")

    def wait(self, command: str, expected: str) -> str:
        """Type a command until it says something; return the output."""
        deadline = time.monotonic() + PATIENCE
        while True:
            status, said = self.type(command)
            if status == 0 and re.search(expected, said):
                return said
            assert time.monotonic() < deadline, f"{command}\n{said}"
            time.sleep(0.2)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A terminal on a server with a Postfix that runs, in a folder with the package."""
    with booted() as machine:
        machine.run("postconf -e 'myhostname = mail.office.example'; systemctl reload postfix")
        machine.put(packages.built("0.0.1"), "/srv/estafeta_0.0.1.deb")
        command = machine.command("sh", "-c", "cd /srv; export TERM=dumb; exec bash")
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True) as shell:
            yield Terminal(shell)
            shell.kill()


def test_the_readme_alone_leads_to_a_delivered_and_tracked_message(terminal: Terminal) -> None:
    commands = documents.block("apt install -y").commands
    assert len(commands) <= MOST
    *before, click, show = commands
    said = ""
    for command in before:
        status, said = terminal.type(command)
        assert status == 0, f"{command}\n{said}"
    queued = re.search(r"<~  250 2\.0\.0 Ok: queued as (\S+)", said)
    assert queued, said
    assert "location: https://shop.example/spring" in terminal.wait(click, "302 Found").splitlines()
    shown = terminal.wait(show.replace("QUEUEID", queued[1]), r"\n.* click ")
    assert re.search(r"\n.* delivery  .*\n.* click  +https://shop\.example/spring", shown), shown
