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
FILES = ("--only", "configuration", "--only", "accounts", "--only", "dkim_keys")  # what needs nothing running


@pytest.fixture
def config(config: Path) -> Path:
    """That configuration with an account which can send."""
    key = secrets.hash_key(secrets.generate_key())
    (config.parent / "accounts.d" / "acme.yaml").write_text(
        f'{ACCOUNT}domains: {{acme.example: {{verified: true}}}}\ncredentials: {{main: {{key: "{key}"}}}}\n'
    )
    return config


def test_a_configuration_without_fault_is_said_to_be_one(run: Run, config: Path) -> None:
    result = run("check", *FILES)
    assert (result.exit_code, result.stdout) == (0, f"{config}: nothing to mend\n")
    assert json.loads(run("check", *FILES, "--json").stdout) == []
    nagios = run("check", *FILES, "--nagios")
    assert nagios.stdout.splitlines()[0] == "ESTAFETA OK - errors: 0, warnings: 0"
    assert nagios.exit_code == 0


def test_a_warning_is_printed_below_its_question_and_leaves_the_status_at_0(run: Run, config: Path) -> None:
    account = config.parent / "accounts.d" / "acme.yaml"
    account.write_text(account.read_text().replace("true", "false"))
    reason = "domains: none is verified: every message is refused"
    result = run("check", *FILES)
    assert result.exit_code == 0
    assert result.stdout == (
        "accounts: Can every account file be used, and can its mail go?\n"
        f"  warning: {account}:3: {reason}\n    remedy: sparkpost verifies domains\n"
    )
    assert json.loads(run("check", *FILES, "--json").stdout) == [
        {
            "severity": "warning",
            "check": "accounts",
            "code": "account",
            "subject": f"{account}:3",
            "reason": reason,
            "remedy": "sparkpost verifies domains",
        }
    ]
    nagios = run("check", *FILES, "--nagios")
    assert nagios.exit_code == 1
    assert nagios.stdout.startswith("ESTAFETA WARNING - errors: 0, warnings: 1\n")
    assert run("check", *FILES, "--skip", "accounts").stdout == f"{config}: nothing to mend\n"


def test_an_account_that_cannot_be_used_hides_no_warning_about_the_listeners(run: Run, config: Path) -> None:
    listener = "{dialects: [sparkpost], port: 587, bind: 0.0.0.0, tls: none}"
    config.write_text(config.read_text().replace("{dialects: [sparkpost], port: 587}", listener))
    (config.parent / "accounts.d" / "b.yaml").write_text("account: b\n")
    result = run("check", *FILES, "--json")
    assert result.exit_code == 1
    assert [each["severity"] for each in json.loads(result.stdout)] == ["warning", "error"]


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
def test_what_cannot_be_used_is_named_once_and_ends_with_status_1(
    run: Run, config: Path, file: str, old: str, new: str, said: str
) -> None:
    (config.parent / "accounts.d" / "acme.yaml").write_text(ACCOUNT)
    path = config.parent / file
    path.write_text(path.read_text().replace(old, new))
    result = run("check", *FILES)
    assert result.exit_code == 1
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("  error: "))
    assert said in line
    assert run("check", *FILES, "--nagios").exit_code == (2 if "my run" in new else 3)


def test_where_nothing_runs_that_is_told_once(run: Run, config: Path) -> None:
    (config.parent / "link.key").write_text("0123456789abcdef" * 4)
    (config.parent / "link.key").chmod(0o600)
    (config.parent / "state").mkdir()
    (config.parent / "run").mkdir()
    result = run("check", "--json", "--offline", "--config-directory", str(config.parent / "state"))
    warned = [each["code"] for each in json.loads(result.stdout) if each["severity"] != "note"]
    assert warned == ["not-running"]
    assert result.exit_code == 0


def test_an_unknown_check_is_refused_with_the_known_ones(run: Run) -> None:
    result = run("check", "--only", "weather")
    assert result.exit_code == 2
    assert "configuration" in result.output


def test_the_samples_can_be_used_together_as_they_are(run: Run, config: Path) -> None:
    folder = config.parent
    (folder / "keys").mkdir()
    (folder / "keys" / "link-2026.key").write_text("k" * 64)
    for sample in SAMPLES.glob("*.yaml"):
        place = config if sample.name == "estafeta.yaml" else folder / "accounts.d" / sample.name
        shutil.copy(sample, place)
    result = run("check", *FILES)
    assert (result.exit_code, result.stdout) == (0, f"{config}: nothing to mend\n")
    listed = json.loads(run("key", "list", "--json").stdout)
    assert {row["dialect"] for row in listed} == {
        *("sparkpost", "teenvio", "devino", "perfit", "emitlo", "mailgun")
    }
