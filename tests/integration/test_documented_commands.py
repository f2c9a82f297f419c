"""Every command of README.md and docs/ is run as it stands there, in a sandbox, or its own test is named."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from estafeta_core.dialects import DIALECTS
from estafeta_postfix.cli import estafeta
from estafeta_testing import documents, peers
from estafeta_testing import sandbox as testing
from estafeta_testing.documents import ROOT, Block
from estafeta_testing.receiver import receiving
from estafeta_testing.relay import Relay

# Commands, up to a word, that are not run here: what they need, and the test that runs them or their work.
ELSEWHERE = {
    "make demo": ("a sandbox of its own", "tests/postfix/cli/test_demo.py"),
    "make test": ("it would run itself", ".ci/run"),
    "make fuzz": ("minutes", "tests/integration/test_fuzz.py"),
    "make soak": ("hours", "tests/integration/test_soak.py"),
    "make chaos": ("minutes", "tests/integration/test_chaos.py"),
    "install": ("files of the backup", "tests/integration/test_restore.py"),
    'sqlite3 /var/lib/estafeta/estafeta.db ".backup': (
        "files of the backup",
        "tests/integration/test_restore.py",
    ),
    "runuser -u estafeta -- estafeta store copy": ("stopped daemons", "tests/postfix/cli/test_store.py"),
    "pg_dump": ("a database of that name", "tests/core/store/postgresql/test_backend.py"),
    "pg_restore": ("a database of that name", "tests/core/store/postgresql/test_backend.py"),
    "tar": ("files of the backup", "tests/integration/test_restore.py"),
    "rm": ("files of the backup", "tests/integration/test_restore.py"),
    "systemctl": ("systemd as the first process", "tests/integration/test_existing_server.py"),
    "dpkg -i": ("a machine to install on", "tests/tools/test_deb.py"),
    "estafeta check": ("DNS and the host's own Postfix, for seconds", "tests/postfix/cli/test_check.py"),
    "estafeta domain verify": ("records in DNS", "tests/integration/test_domain_verification.py"),
    "apt install": ("a machine to install on", "tests/integration/test_newcomer.py"),
    "estafeta postfix": ("a Postfix of the operator's", "tests/integration/test_install.py"),
}
# Blocks that need a server of their own, by their first words, and the test that runs every command of them.
WHOLE = {
    "apt install -y": "tests/integration/test_newcomer.py",
    "vagrant up": "tests/integration/test_box.py",
    "swaks --server localhost:10587": "tests/integration/test_box.py",
}
BLOCKS = [each for each in documents.blocks() if not each.begins(*WHOLE)]
QUEUE_ID = "4jWHCJ5RnqzJ9cF"  # in the documents, of a message that was sent
SECRET = "una clave larga"
TEENVIO = (
    "From: remitente@dominio.example\r\nSubject: Oferta\r\n"
    "Content-Type: multipart/alternative; boundary=x\r\n\r\n"
    '--x\r\n\r\nHola\r\n--x\r\nContent-Type: text/html\r\n\r\n<a href="https://shop.example/">x</a>\r\n--x--\r\n'
)
# What a command reads from the folder it is run in.
FILES = {
    "offer.eml": "From: news@acme.example\nSubject: Spring\n\nOur offer: https://shop.example/spring\n",
    "old.csv": "recipient,type,description\nleft@example.net,non_transactional,unsubscribed before\n",
    "list.csv": "recipient,type\nleft@example.net,non_transactional\n",
    "bounces.csv": '"reason","email"\n"550 5.1.1 unknown","gone@example.net"\n',
    "unsubscribes.csv": "email,created\nleft@example.net,2026-01-01\n",
    "complaints.csv": "email\nangry@example.net\n",
    "mailgun.csv": "address,created_at\nleft@example.net,2026-01-01\n",
    "file": f"{SECRET}\n",
}
# Accounts that a document speaks of and no demo has, by what their files say.
ACCOUNTS = {"shop": "mailgun", "store": "sendgrid"}


@dataclass(frozen=True, slots=True)
class Place:
    """A running sandbox with a message sent and a webhook made; `names`: what the documents call them."""

    relay: Relay
    queue_id: str
    names: dict[str, str]
    environment: dict[str, str]


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    config = testing.QUICK + "webhooks: {allow_networks: [127.0.0.0/8]}\n"
    config += "dns: {servers: ['127.0.0.1:9'], timeout: 0.2}\n"  # of the domains in there nobody knows
    with receiving() as receiver, testing.running(config=config) as running:
        relay = Relay(running.description)
        peers.add(relay)
        sent = relay.send(
            TEENVIO.encode(),
            "reader@example.com",
            sender="remitente@dominio.example",
            credential="plan/usuario",
            listener="teenvio-58700",
        )
        relay.copies(sent)
        made = relay.estafeta("webhook", "create", "--account", "acme", "--target", receiver.url)
        webhook = re.search(r"[0-9a-f-]{36}", made.stdout)
        assert webhook, made.stderr
        key = relay.credential().password
        names = {
            QUEUE_ID: sent,
            ".venv/bin/estafeta --config DIR/estafeta.yaml": "estafeta",
            ".venv/bin/python tests": f"{sys.executable} {ROOT}/tests",
            "API-KEY": key,
            "replay ID": f"replay {webhook[0]}",
            "/var/log/mail.log": str(relay.maillog),
            "/var/lib/estafeta": str(relay.dir / "state"),
            "https://click.example.com": relay.web,
            "https://mail.example.com": relay.web,
            "https://app.example.com/hook": receiver.url,
        }
        yield Place(relay, sent, names, {"KEY": key, "ID": webhook[0]})


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_the_commands_of_the_documents_do_what_they_say(block: Block, place: Place, tmp_path: Path) -> None:
    etc = _etc(block, place, tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    for command in block.commands:
        if _elsewhere(command):
            continue
        text = command
        for name, value in {**place.names, "/etc/estafeta": str(etc)}.items():
            text = text.replace(name, value)
        if text.startswith("swaks "):
            text = _swaks(text, block.page.stem, place.relay)
        status, said = _run(text, etc, tmp_path, place.environment)
        assert status == 0, f"{command}\n{said}"


@pytest.mark.parametrize(("command", "reason"), ELSEWHERE.items(), ids=ELSEWHERE)
def test_what_is_run_elsewhere_is_in_a_document_and_its_test_is_there(
    command: str, reason: tuple[str, str]
) -> None:
    assert any(_elsewhere(each) == command for block in BLOCKS for each in block.commands)
    assert (ROOT / reason[1]).exists()


def _swaks(text: str, page: str, relay: Relay) -> str:
    """Return the command with a login of the provider that the page is about, SparkPost's elsewhere."""
    dialect = page if page in DIALECTS else "sparkpost"
    wanted = ("starttls", "required") if " --tls " in text else ("none",)
    listener = next(each for each in relay.listeners if dialect in each.dialects and each.tls in wanted)
    login = next(each for each in relay.credentials if each.dialect == dialect)
    for option, value in {
        "server": f"{listener.host}:{listener.port}",
        "auth-user": login.username,
        "auth-password": login.password,
        "from": login.senders[0],
    }.items():
        text, count = re.subn(rf"(--{option}) \S+", rf"\1 {value}", text)
        assert count == 1, f"--{option}: {text}"
    return text


@pytest.mark.parametrize(("first", "test"), WHOLE.items(), ids=WHOLE)
def test_what_is_run_as_a_whole_is_in_a_document_and_its_test_is_there(first: str, test: str) -> None:
    assert any(block.begins(first) for block in documents.blocks())
    assert (ROOT / test).exists()


def _elsewhere(command: str) -> str | None:
    return next((each for each in ELSEWHERE if f"{command} ".startswith(f"{each} ")), None)


def _etc(block: Block, place: Place, folder: Path) -> Path:
    """Return a copy of the sandbox's configuration without the credentials that the block makes."""
    etc = folder / "etc"
    accounts = etc / "accounts.d"
    shutil.copytree(place.relay.accounts_dir, accounts)
    config = place.relay.config.read_text().replace(str(place.relay.accounts_dir), str(accounts))
    (etc / "estafeta.yaml").write_text(config)
    (etc / "keys").mkdir()
    for account, dialect in ACCOUNTS.items():
        text = f"account: {account}\ndialect: {dialect}\ndomains: {{{account}.example: {{verified: true}}}}\n"
        (accounts / f"{account}.yaml").write_text(text)
    for account, name in re.findall(r"key create (\w+)/(\w+)", "\n".join(block.commands)):
        file = accounts / f"{account}.yaml"
        if not file.exists():
            continue
        left = re.sub(rf'^  "?{name}"?:.*\n(?:    .*\n)*', "", file.read_text(), flags=re.MULTILINE)
        file.write_text(re.sub(r"^credentials:\n(?! )", "", left, flags=re.MULTILINE))
    return etc


def _run(text: str, etc: Path, folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Return exit status and output; a plain `estafeta` runs in this process, all else in a shell."""
    words = shlex.split(text, comments=True)
    configured = ["--config", str(etc / "estafeta.yaml")]
    if words[0] == "estafeta" and not set("<>|$;&") & set(text.partition(" # ")[0]):
        with pytest.MonkeyPatch.context() as changed:
            changed.chdir(folder)
            said = CliRunner().invoke(estafeta, [*configured, *words[1:]], input=f"{SECRET}\n")
        return said.exit_code, f"{said.output}{said.exception or ''}"
    command = folder / "bin" / "estafeta"
    command.parent.mkdir(exist_ok=True)
    command.write_text(
        f'#!/bin/sh\nexec {sys.executable} -m estafeta_postfix {shlex.join(configured)} "$@"\n'
    )
    command.chmod(0o755)
    (folder / ".curlrc").write_text("fail\nsilent\nshow-error\n")
    path = f"{command.parent}:{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        env={**os.environ, **environment, "PATH": path, "HOME": str(folder)},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    return ran.returncode, ran.stdout
