"""Estafeta on a mail server that works, from the package to its removal, on a fresh Debian 12 of its own."""

import re
from collections.abc import Iterator

import pytest

from estafeta_testing import fresh_root, packages
from estafeta_testing.fresh_root import Machine
from estafeta_testing.server import Server, operated, queue_id, with_estafeta

pytestmark = fresh_root.NEEDS_ROOT

# Parts that nobody could say before, or that change with each message.
ANEW = re.compile(
    r"[0-9A-F]{6,}|\w{3}, +\d+ \w{3} \d{4} [\d:]{8} \+0000 \(UTC\)|t=\d+|bh=[^;]*|b=[^;]*?(?=\n\S)",
    re.DOTALL,
)
OWN = "From: A <a@elsewhere.example>\nTo: boss@office.example\nSubject: {0}\n\n{0}"
SPARKPOST = (
    "From: news@acme.example\nTo: {to}\nSubject: {word}\nContent-Type: text/html\n"
    'X-MSYS-API: {{"options": {{"open_tracking": true, "click_tracking": true}}}}\n\n'
    '<body>{word} <a href="https://example.com/">x</a></body>'
)
TEENVIO = (
    "From: news@plan.example\nTo: {to}\nSubject: {word}\nMIME-Version: 1.0\n"
    "Content-Type: multipart/alternative; boundary=x\n\n--x\n\n{word}\n--x\nContent-Type: text/html\n\n"
    '<body>{word} <a href="https://example.com/">x</a></body>\n--x--'
)


@pytest.fixture
def machine() -> Iterator[Machine]:
    with fresh_root.booted() as machine:
        yield machine


def configuration(machine: Machine) -> dict[str, bytes]:
    """Return every file of Postfix's configuration."""
    folder = machine.root / "etc/postfix"
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def own_mail(server: Server, word: str) -> str:
    """Send the operator's mail by port 25; return what is delivered, without what is never the same."""
    server.send(25, OWN.format(word), "boss@office.example")
    return ANEW.sub("*", server.mailbox(word)).replace(word, "WORD")


def test_it_comes_serves_and_goes_without_a_trace(machine: Machine) -> None:
    server = operated(machine)
    before, own_before = configuration(machine), own_mail(server, "mail-before")
    assert "d=elsewhere.example" in own_before
    everything = machine.run("dpkg-query -W -f '${Package}\n'")

    server = with_estafeta(machine, packages.built("0.0.1"))
    assert configuration(machine) == before
    assert "587" in machine.run("estafeta postfix diff", succeeds=False)
    machine.run("estafeta postfix install")
    machine.run("estafeta postfix status")
    assert machine.run("systemctl --failed --no-legend --plain") == ""

    for port, content, sender in (
        (587, SPARKPOST, "news@acme.example"),
        (58700, TEENVIO, "news@plan.example"),
    ):
        word = f"offer-{port}"
        reply = server.send(
            port, content.format(to="reader@example.net", word=word), "reader@example.net", sender
        )
        delivered = server.relayed(word)
        assert "https://click.office.example/c/" in delivered
        assert "/o/" in delivered
        assert "X-MSYS-API" not in delivered
        assert "d=elsewhere.example" not in delivered
        server.events(queue_id(reply), "injection", "delivery")
    assert own_mail(server, "mail-with") == own_before

    # Debian's logrotate, with what rsyslog ships for it: the worker reads on in the new file.
    machine.run("logrotate --force /etc/logrotate.d/rsyslog; test -s /var/log/mail.log.1")
    rotated = SPARKPOST.format(to="reader@example.net", word="rotated")
    reply = server.send(587, rotated, "reader@example.net", "news@acme.example")
    server.events(queue_id(reply), "injection", "delivery")

    machine.run("estafeta postfix uninstall")
    assert configuration(machine) == before
    assert own_mail(server, "mail-after") == own_before
    machine.run("dpkg --purge estafeta")
    assert configuration(machine) == before
    assert machine.run("dpkg-query -W -f '${Package}\n'") == everything
    assert own_mail(server, "mail-at-last") == own_before
    assert machine.run("systemctl --failed --no-legend --plain") == ""
