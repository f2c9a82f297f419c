import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from estafeta_core import secrets

SAMPLES = Path(__file__).parents[3] / "postfix" / "estafeta_postfix" / "samples"
Run = Callable[..., Result]
ACCOUNT = "account: acme\ndialect: sparkpost\n"


@pytest.fixture
def config(config: Path) -> Path:
    """That configuration with an account which can send."""
    key = secrets.hash_key(secrets.generate_key())
    (config.parent / "accounts.d" / "acme.yaml").write_text(
        f'{ACCOUNT}domains: {{acme.example: {{verified: true}}}}\ncredentials: {{main: {{key: "{key}"}}}}\n'
    )
    return config


def test_a_configuration_without_fault_is_said_to_be_one(run: Run, config: Path) -> None:
    result = run("check")
    assert (result.exit_code, result.stdout) == (0, f"{config}: nothing to mend\n")
    assert json.loads(run("check", "--json").stdout) == {"errors": [], "warnings": []}


def test_p03_a_listener_without_tls_for_others_is_a_warning(run: Run, config: Path) -> None:
    listener = "listeners:\n  perfit: {dialects: [perfit, sparkpost], port: 2525, bind: 0.0.0.0, tls: none}\n"
    config.write_text(
        config.read_text().replace("listeners: {a: {dialects: [sparkpost], port: 587}}\n", listener)
    )
    result = run("check")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"warning: {config}:5: listeners.perfit.tls: ")
    [warning] = json.loads(run("check", "--json").stdout)["warnings"]
    assert (warning["file"], warning["line"], warning["key"]) == (str(config), 5, "listeners.perfit.tls")
    assert "in clear" in warning["text"]
    config.write_text(config.read_text().replace("0.0.0.0", "127.0.0.1"))
    assert "warning" not in run("check").stdout


def test_an_account_whose_mail_cannot_go_is_a_warning(run: Run, config: Path) -> None:
    account = config.parent / "accounts.d" / "acme.yaml"
    account.write_text(account.read_text().replace("true", "false"))
    text = "none is verified: every message is refused (sparkpost verifies domains)"
    result = run("check")
    assert (result.exit_code, result.stdout) == (0, f"warning: {account}:3: domains: {text}\n")
    warning = {"file": str(account), "line": 3, "key": "domains", "text": text}
    assert json.loads(run("check", "--json").stdout) == {"errors": [], "warnings": [warning]}


def test_an_account_that_cannot_be_used_hides_no_warning_about_the_listeners(run: Run, config: Path) -> None:
    listener = "{dialects: [sparkpost], port: 587, bind: 0.0.0.0, tls: none}"
    config.write_text(config.read_text().replace("{dialects: [sparkpost], port: 587}", listener))
    (config.parent / "accounts.d" / "b.yaml").write_text("account: b\n")
    result = run("check")
    assert result.exit_code == 1
    assert [line.partition(" ")[0] for line in result.stdout.splitlines()] == ["error:", "warning:"]


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("estafeta.yaml", "port: 587", "port: 0", "estafeta.yaml:4: listeners.a.port: "),
        (
            "accounts.d/acme.yaml",
            "sparkpost",
            "sparkpots",
            "accounts.d/acme.yaml:2: dialect: unknown dialect",
        ),
        ("estafeta.yaml", "run_dir: run", "run_dir: my run", "run_dir: "),
    ],
)
def test_what_cannot_be_used_is_named_and_ends_with_status_1(
    run: Run, config: Path, file: str, old: str, new: str, said: str
) -> None:
    (config.parent / "accounts.d" / "acme.yaml").write_text(ACCOUNT)
    path = config.parent / file
    path.write_text(path.read_text().replace(old, new))
    result = run("check")
    assert result.exit_code == 1
    assert result.stdout.startswith("error: ")
    assert said in result.stdout
    assert said in json.loads(run("check", "--json").stdout)["errors"][0]


def test_the_samples_can_be_used_together_as_they_are(run: Run, config: Path) -> None:
    folder = config.parent
    (folder / "keys").mkdir()
    (folder / "keys" / "link-2026.key").write_text("k" * 64)
    for sample in SAMPLES.glob("*.yaml"):
        place = config if sample.name == "estafeta.yaml" else folder / "accounts.d" / sample.name
        shutil.copy(sample, place)
    result = run("check")
    assert (result.exit_code, result.stdout) == (0, f"{config}: nothing to mend\n")
    listed = json.loads(run("key", "list", "--json").stdout)
    assert {row["dialect"] for row in listed} == {
        *("sparkpost", "teenvio", "devino", "perfit", "emitlo", "mailgun")
    }
