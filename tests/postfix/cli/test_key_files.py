import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from estafeta_core import secrets
from estafeta_core.config.load import load_config
from estafeta_postfix.cli.key_files import ONE_KIND, looked_at
from estafeta_testing.signatures import key_file

Run = Callable[..., Result]


@pytest.fixture
def write(config: Path) -> Callable[[str], Path]:
    """Return a function that writes the DKIM settings of an account that can send; it returns its file."""
    path = config.parent / "accounts.d" / "acme.yaml"
    key = secrets.hash_key(secrets.generate_key())

    def write(dkim: str) -> Path:
        path.write_text(
            "account: acme\ndialect: sparkpost\ndomains:\n"
            f"  Acme.Example:\n    verified: true\n    dkim:\n{dkim}"
            f'credentials: {{main: {{key: "{key}"}}}}\n'
        )
        return path

    return write


def dkim(default: str, **keys: Path) -> str:
    lines = "".join(f"        {name}: {file}\n" for name, file in keys.items())
    return f"      default: {default}\n      keys:\n{lines}"


def test_keys_that_sign_are_not_spoken_of(run: Run, config: Path, write: Callable[[str], Path]) -> None:
    write(dkim("[rsa, ed]", rsa=key_file("rsa"), ed=key_file("ed25519")))
    assert looked_at(load_config(config)) == ([], [])
    assert run("check").exit_code == 0


def test_a_file_without_a_key_is_an_error_with_its_place(
    run: Run, write: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "text.pem").write_text("hello")
    (tmp_path / "text.pem").chmod(0o600)
    files = {"s1": tmp_path / "gone.pem", "s2": tmp_path / "text.pem", "s3": key_file("rsa")}
    account = write(dkim("s3", **files))
    result = run("check", "--json")
    assert result.exit_code == 1
    place = "domains.Acme.Example.dkim.keys"
    missing, text = json.loads(result.stdout)["errors"]
    assert missing == f"{account}:9: {place}.s1: {files['s1']} cannot be read: No such file or directory"
    assert text.startswith(f"{account}:10: {place}.s2: {files['s2']} is not a private key in PEM (")


@pytest.mark.parametrize(
    ("bits", "told"), [(1024, "1024 bits are few, use 2048"), (5120, "5120 bits are more")]
)
def test_unusual_lengths_are_told(
    config: Path, write: Callable[[str], Path], tmp_path: Path, bits: int, told: str
) -> None:
    write(dkim("s1", s1=key_file("rsa", bits)))
    errors, advice = looked_at(load_config(config))
    assert errors == []
    assert [(each.line, each.key) for each in advice] == [(9, "domains.Acme.Example.dkim.keys.s1")]
    assert advice[0].text.startswith(told)


def test_a_key_that_everybody_can_read_is_told(
    config: Path, write: Callable[[str], Path], tmp_path: Path
) -> None:
    open_to_all = tmp_path / "open.pem"
    shutil.copy(key_file("rsa"), open_to_all)
    open_to_all.chmod(0o644)
    write(dkim("s1", s1=open_to_all))
    (told,) = looked_at(load_config(config))[1]
    assert told.text == f"everybody on this host can read {open_to_all} (chmod o-rwx)"


def test_ed25519_alone_is_told(config: Path, write: Callable[[str], Path]) -> None:
    write(dkim("ed", rsa=key_file("rsa"), ed=key_file("ed25519")))
    (told,) = looked_at(load_config(config))[1]
    assert (told.line, told.key, told.text) == (7, "domains.Acme.Example.dkim.default", ONE_KIND)
