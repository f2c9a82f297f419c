import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from estafeta_postfix.cli import estafeta
from estafeta_postfix.cli.failure import Failure
from estafeta_testing.milter_site import Site

PLAIN = b"From: news@acme.example\nSubject: Hi\n\nHello\n"
ASKED = ("--credential", "acme/main", "--from", "news@acme.example", "--to", "alice@example.net")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A configuration with accounts of every provider, without a store."""
    (tmp_path / "plain.eml").write_bytes(PLAIN)
    return Site(tmp_path)


def run(site: Site, *arguments: str, given: bytes | None = None) -> Result:
    command = ["--config", str(site.config), "explain", *arguments]
    return CliRunner().invoke(estafeta, command, input=given)


def test_a_message_that_would_be_accepted_is_status_0_and_leaves_nothing_behind(site: Site) -> None:
    before = sorted(site.folder.rglob("*"))
    done = run(site, str(site.folder / "plain.eml"), *ASKED)
    assert done.exit_code == 0, done.output
    assert "copy for alice@example.net (to)" in done.output
    assert "there is no store yet" in done.output
    assert sorted(site.folder.rglob("*")) == before


def test_a_message_can_come_from_standard_input(site: Site) -> None:
    done = run(site, "-", *ASKED, given=PLAIN)
    assert done.exit_code == 0, done.output
    assert "Subject: Hi" in done.output


def test_a_message_that_would_be_refused_is_status_1(site: Site) -> None:
    done = run(site, "-", *ASKED, given=PLAIN.replace(b"acme", b"new"))
    assert done.exit_code == 1
    assert "! S: 550 5.7.1 Unconfigured Sending Domain <new.example>" in done.output
    assert "refused for good" in done.output


def test_json_is_one_object_with_every_copy(site: Site) -> None:
    done = run(site, "-", *ASKED, "--to", "bob@example.net", "--json", given=PLAIN)
    said = json.loads(done.output)
    assert [copy["rcpt_to"] for copy in said["copies"]] == ["alice@example.net", "bob@example.net"]
    assert said["copies"][0]["body"] == "Hello\r\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--credential", "acme/nobody"), "there is no such credential"),
        (("--credential", "acme"), "not an identity"),
        (("--listener", "nowhere"), "there is no such listener"),
        (("--listener", "perfit"), "does not speak sparkpost"),
        (("--client-address", "nowhere"), "is no IP address"),
        (("--to", "a b@example.net"), "give an address without name"),
        (("--from", "a>b@example.net"), "give an address without name"),
    ],
)
def test_what_is_asked_wrongly_is_status_2(site: Site, arguments: tuple[str, ...], words: str) -> None:
    command = [sys.executable, "-m", "estafeta_postfix", "--config", str(site.config), "explain", "-"]
    done = subprocess.run([*command, *ASKED, *arguments], input=PLAIN, capture_output=True, check=False)
    assert done.returncode == 2
    assert words in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_a_file_that_cannot_be_read_is_status_2(site: Site) -> None:
    assert run(site, str(site.folder / "nowhere.eml"), *ASKED).exit_code == 2
    assert run(site, str(site.folder), *ASKED).exit_code == 2


def test_a_configuration_that_cannot_be_used_is_told_with_file_and_line(site: Site) -> None:
    site.configure("nonsense: 1\n")
    command = [sys.executable, "-m", "estafeta_postfix", "explain", "-", "--config", str(site.config), *ASKED]
    done = subprocess.run(command, input=PLAIN, capture_output=True, text=False, check=False)
    assert done.returncode == 2
    assert f"{site.config}:".encode() in done.stderr
    assert b"nonsense" in done.stderr


def test_a_signing_key_that_is_gone_is_status_2(site: Site) -> None:
    (site.folder / "link.key").unlink()
    command = [sys.executable, "-m", "estafeta_postfix", "--config", str(site.config), "explain", "-", *ASKED]
    done = subprocess.run(command, input=PLAIN, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"link.key" in done.stderr
    assert b"Traceback" not in done.stderr


def test_the_listener_is_the_accounts_and_tls_that_of_the_listener(site: Site) -> None:
    perfit = ("--credential", "micuenta/main", "--from", "yo@midominio.example", "--to", "alice@example.net")
    done = run(site, "-", *perfit, given=b"From: yo@midominio.example\n\nx\n")
    assert done.output.startswith("micuenta/main at perfit, from 127.0.0.1 without TLS")
    done = run(site, "-", *ASKED, "--no-tls", given=PLAIN)
    assert done.exit_code == 1
    assert "! S: 530 5.7.0 Must issue a STARTTLS command first" in done.output
    devino = ("--credential", "website/1website", "--from", "noreply@devino.example", "--to", "a@example.net")
    done = run(site, "-", *devino, "--no-tls", given=PLAIN)
    assert isinstance(done.exception, Failure)
    assert done.exception.status == 2
    assert str(done.exception) == "devino begins with TLS: nobody reaches it without"


def test_the_null_sender_is_said_with_empty_brackets(site: Site) -> None:
    sender = ("--credential", "acme/main", "--from", "<>", "--to", "<alice@example.net>")
    done = run(site, "-", *sender, given=PLAIN)
    assert done.exit_code == 0
    assert "C: MAIL FROM:<>\n" in done.output
    assert "C: RCPT TO:<alice@example.net>\n" in done.output
