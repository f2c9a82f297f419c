import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from estafeta_core.config.load import load_accounts
from estafeta_milter.dkim.keys import read
from estafeta_postfix.cli import estafeta
from estafeta_postfix.cli.failure import Failure
from estafeta_testing.signatures import key_file

Run = Callable[..., Result]
ACCOUNT = "account: acme\ndialect: sparkpost\n"


def failure(*arguments: str) -> Failure:
    with pytest.raises(Failure) as caught:
        CliRunner().invoke(estafeta, arguments, catch_exceptions=False)
    return caught.value


@pytest.fixture
def keys(config: Path) -> Path:
    """A configuration with two keys; return the account file."""
    account = config.parent / "accounts.d" / "acme.yaml"
    account.write_text(
        f"{ACCOUNT}domains:\n  acme.example: {{dkim: {{default: s1, keys: {{s1: {key_file('rsa')},"
        f" mk: {{file: {key_file('ed25519')}, selector: m2, verified: false}}}}}}}}\n"
    )
    return account


def test_a_key_is_written_and_its_record_and_lines_are_printed(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "new.pem"
    result = run("dkim", "create", "--domain", "ACME.example", "--selector", "s1", "--out", str(file))
    assert result.exit_code == 0, result.output
    assert file.stat().st_mode & 0o777 == 0o600
    assert read(file).algorithm == "rsa-sha256"
    assert "Let the user that the milter runs as read the file" in result.stdout
    assert 's1._domainkey.acme.example. IN TXT ( "v=DKIM1; k=rsa; p=' in result.stdout
    (tmp_path / "accounts").mkdir()
    lines = result.stdout[result.stdout.index("domains:") :]
    (tmp_path / "accounts" / "acme.yaml").write_text(ACCOUNT + lines)
    (account,) = load_accounts(tmp_path / "accounts")
    dkim = account.domains["acme.example"].dkim
    assert dkim is not None
    assert (dkim.default, [key.file for key in dkim.keys.values() if not isinstance(key, str)]) == (
        ("s1",),
        [file],
    )


def test_a_selector_of_digits_stays_a_text(run: Run, tmp_path: Path) -> None:
    options = ("--selector", "2026", "--type", "ed25519", "--out", str(tmp_path / "k"))
    result = run("dkim", "create", "--domain", "acme.example", *options)
    said = yaml.safe_load(result.stdout[result.stdout.index("domains:") :])
    assert said["domains"]["acme.example"]["dkim"] == {
        "default": "2026",
        "keys": {"2026": str(tmp_path / "k")},
    }


def test_a_selector_is_the_day_where_none_is_given(run: Run, tmp_path: Path) -> None:
    result = run(
        "dkim", "create", "--domain", "acme.example", "--type", "ed25519", "--out", str(tmp_path / "k")
    )
    assert result.exit_code == 0
    assert "s20" in result.stdout


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(b"precious")
    failed = failure("dkim", "create", "--domain", "acme.example", "--out", str(file))
    assert (failed.status, file.read_bytes()) == (2, b"precious")
    assert f"{file} is there already" in str(failed)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--domain", "a b", "--out", "k"), "'a b' is not a domain"),
        (("--domain", "a.example", "--selector", "a;b", "--out", "k"), "'a;b' is not a selector"),
        (("--domain", "a.example", "--out", "/nowhere/k"), "/nowhere/k: No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_said(
    options: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    failed = failure("dkim", "create", *options)
    assert failed.status == 2
    assert str(failed).startswith(told)
    assert list(tmp_path.iterdir()) == []


def test_too_few_bits_are_refused(run: Run, tmp_path: Path) -> None:
    result = run("dkim", "create", "--domain", "a.example", "--bits", "1024", "--out", str(tmp_path / "k"))
    assert result.exit_code == 2
    assert "1024 is not in the range 2048<=x<=4096" in result.stderr


@pytest.mark.usefixtures("keys")
def test_the_records_of_all_keys_are_printed(run: Run) -> None:
    result = run("dkim", "record")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first.startswith('s1._domainkey.acme.example. IN TXT ( "v=DKIM1; k=rsa; p=')
    assert second.startswith('m2._domainkey.acme.example. IN TXT ( "v=DKIM1; k=ed25519; p=')
    said = json.loads(run("dkim", "record", "--domain", "Acme.Example", "--account", "acme", "--json").stdout)
    assert said[1] == {
        "account": "acme",
        "domain": "acme.example",
        "key": "mk",
        "selector": "m2",
        "verified": False,
        "algorithm": "ed25519-sha256",
        "bits": 256,
        "name": "m2._domainkey.acme.example",
        "record": read(key_file("ed25519")).record(),
    }


@pytest.mark.usefixtures("keys")
def test_where_there_is_no_such_key_the_answer_is_no(config: Path) -> None:
    for options in (("--account", "other"), ("--domain", "other.example")):
        failed = failure("--config", str(config), "dkim", "record", *options)
        assert failed.status == 1


def test_a_key_that_cannot_be_read_hides_no_other(run: Run, keys: Path) -> None:
    keys.write_text(keys.read_text().replace(str(key_file("rsa")), "/gone.pem"))
    result = run("dkim", "record")
    assert result.exit_code == 2
    assert result.stdout.startswith("m2._domainkey.")
    assert result.stderr.startswith("estafeta: acme: acme.example: /gone.pem cannot be read: No such file")
