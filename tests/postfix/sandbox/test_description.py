import json
import shlex
import subprocess
from pathlib import Path

import httpx2
import pytest

from estafeta_postfix import demo_accounts
from estafeta_postfix.sandbox.description import ROLES, Description, published
from estafeta_postfix.sandbox.layout import Layout
from estafeta_postfix.sandbox.settings import LISTENERS, Ports, settings
from estafeta_testing.sandbox import Sandbox


@pytest.fixture
def description(tmp_path: Path) -> Description:
    layout = Layout(tmp_path)
    ports = Ports(1001, 1002, 1003, 1004, 1005, tuple(range(2001, 2001 + len(LISTENERS))))
    processes = {role: number for number, role in enumerate(ROLES, start=10)}
    layout.accounts.mkdir()
    credentials = demo_accounts.write(layout.accounts, layout.dkim_keys)
    chosen = settings(layout, ports, "postfix")
    return Description(layout, chosen, ports, processes, credentials, published(chosen.config))


def test_the_json_is_one_line_with_every_name_of_the_interface(description: Description) -> None:
    text = description.as_json()
    assert "\n" not in text
    said = json.loads(text)
    assert set(said) == {
        "dir", "web", "outbox", "outbox_web", "maillog", "store", "config", "accounts_dir", "ca_file",
        "bounce_smtp", "processes", "listeners", "credentials", "dkim",
    }  # fmt: skip
    assert said["listeners"][0] == {
        "name": "sparkpost-587",
        "dialects": ["sparkpost"],
        "documented_port": 587,
        "host": "127.0.0.1",
        "port": 2001,
        "tls": "starttls",
        "mechanisms": ["LOGIN", "PLAIN"],
    }
    teenvio = next(each for each in said["credentials"] if each["id"] == "plan/usuario")
    assert teenvio["senders"][0] == "remitente@dominio.example"
    assert teenvio["domains"] == ["dominio.example"]
    assert set(said["credentials"][0]) == {
        "id", "account", "dialect", "username", "password", "senders", "domains", "note",
    }  # fmt: skip
    assert said["bounce_smtp"] == {"host": "127.0.0.1", "port": 1002}
    assert said["processes"] == description.processes
    assert [(each["domain"], each["selector"]) for each in said["dkim"]] == [
        ("acme.example", "default"),
        ("acme.example", "marketing"),
        ("acme.example", "ed25519"),
    ]
    assert set(said["dkim"][0]) == {"domain", "selector", "record"}
    assert said["dkim"][0]["record"].startswith("v=DKIM1; k=rsa; p=")


def test_a_key_that_cannot_be_read_does_not_stop_a_sandbox(description: Description) -> None:
    (description.layout.dkim_keys / "acme-marketing.pem").unlink()
    left = published(description.settings.config)
    assert [each.selector for each in left] == ["default", "ed25519"]


def test_the_page_names_every_listener_and_key(description: Description) -> None:
    page = description.as_text()
    for credential in description.credentials:
        assert credential.password in page
    assert "127.0.0.1:2001" in page
    assert "127.0.0.1:2002" in page


def test_the_command_on_the_page_sends_a_message(sandbox: Sandbox, description: Description) -> None:
    page = description.as_text()
    command = page[page.index("  swaks --server") : page.index("Mail to bounce")].replace("\\\n", " ")
    command = command.replace("127.0.0.1:2001", f"127.0.0.1:{sandbox.listener().port}")
    command = command.replace(description.credentials[0].password, sandbox.credential().password)
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    [delivered] = sandbox.wait_for_outbox("somebody@example.com")
    assert f"{sandbox.web}/c/".encode() in delivered.body.replace(b"=\r\n", b"")


def test_the_page_says_how_to_ask_over_http(sandbox: Sandbox, description: Description) -> None:
    [line] = [each for each in description.as_text().splitlines() if each.startswith("  curl ")]
    _, _, header, url = shlex.split(line)
    key = header.removeprefix("Authorization: ")
    assert key == description.credentials[0].password
    path = url.removeprefix(description.settings.config.base_url)
    answer = httpx2.get(sandbox.web + path, headers={"Authorization": sandbox.credential().password})
    assert answer.status_code == 200
    assert "results" in answer.json()
