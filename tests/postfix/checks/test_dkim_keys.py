import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from estafeta_core import secrets
from estafeta_postfix.checks.dkim_keys import ONE_KIND, look
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.setup import Setup
from estafeta_testing.signatures import key_file


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


def test_keys_that_sign_are_not_spoken_of(config: Path, write: Callable[[str], Path]) -> None:
    write(dkim("[rsa, ed]", rsa=key_file("rsa"), ed=key_file("ed25519")))
    assert list(look(Setup(config))) == []


def test_a_file_without_a_key_is_an_error_with_its_place(
    config: Path, write: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "text.pem").write_text("hello")
    (tmp_path / "text.pem").chmod(0o600)
    files = {"s1": tmp_path / "gone.pem", "s2": tmp_path / "text.pem", "s3": key_file("rsa")}
    account = write(dkim("s3", **files))
    place = "domains.Acme.Example.dkim.keys"
    missing, text = look(Setup(config))
    assert (missing.severity, missing.subject) == ("error", f"{account}:9")
    assert missing.reason == f"{place}.s1: {files['s1']} cannot be read: No such file or directory"
    assert text.reason.startswith(f"{place}.s2: {files['s2']} is not a private key in PEM")


@pytest.mark.parametrize(
    ("bits", "told"), [(1024, "1024 bits are few, use 2048"), (5120, "5120 bits are more")]
)
def test_unusual_lengths_are_told(
    config: Path, write: Callable[[str], Path], tmp_path: Path, bits: int, told: str
) -> None:
    account = write(dkim("s1", s1=key_file("rsa", bits)))
    (found,) = look(Setup(config))
    assert (found.severity, found.subject) == ("warning", f"{account}:9")
    assert found.reason.startswith(f"domains.Acme.Example.dkim.keys.s1: {told}")


def test_a_key_that_everybody_can_read_is_told(
    config: Path, write: Callable[[str], Path], tmp_path: Path
) -> None:
    open_to_all = tmp_path / "open.pem"
    shutil.copy(key_file("rsa"), open_to_all)
    open_to_all.chmod(0o644)
    write(dkim("s1", s1=open_to_all))
    (found,) = look(Setup(config))
    assert found.reason.endswith(f"everybody on this host can read {open_to_all}")
    assert found.remedy == "chmod o-rwx"


def test_ed25519_alone_is_told(config: Path, write: Callable[[str], Path]) -> None:
    account = write(dkim("ed", rsa=key_file("rsa"), ed=key_file("ed25519")))
    reason, remedy = ONE_KIND.removesuffix(")").split(" (")
    assert list(look(Setup(config))) == [
        Finding("warning", "dkim-key", f"{account}:7", f"domains.Acme.Example.dkim.default: {reason}", remedy)
    ]
