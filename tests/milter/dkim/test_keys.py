import errno
import logging
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from estafeta_milter.dkim.keys import LOOK_EVERY, KeyFileError, Keys, read
from estafeta_postfix import dkim_keys
from estafeta_testing.signatures import key_file

PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
PLAIN = serialization.NoEncryption()


def pem(
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    form: serialization.PrivateFormat = PKCS8,
    encryption: serialization.KeySerializationEncryption = PLAIN,
) -> bytes:
    return private.private_bytes(PEM, form, encryption)


def damaged() -> bytes:
    """Return a key whose private half is not that of its public half."""
    good = rsa.generate_private_key(65537, 1024).private_numbers()
    numbers = rsa.RSAPrivateNumbers(
        good.p, good.q, good.d - 2, good.dmp1 - 2, good.dmq1 - 2, good.iqmp, good.public_numbers
    )
    return pem(numbers.private_key(unsafe_skip_rsa_key_validation=True))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    path.write_bytes(key_file("ed25519").read_bytes())
    return path


def put(path: Path, data: bytes) -> None:
    path.with_suffix(".new").write_bytes(data)
    path.with_suffix(".new").rename(path)


def test_both_kinds_are_read() -> None:
    assert (read(key_file("rsa")).algorithm, read(key_file("rsa")).bits) == ("rsa-sha256", 2048)
    assert (read(key_file("ed25519")).algorithm, read(key_file("ed25519")).bits) == ("ed25519-sha256", 256)


def test_the_older_form_of_rsa_keys_is_read(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(
        pem(rsa.generate_private_key(65537, 1024), serialization.PrivateFormat.TraditionalOpenSSL)
    )
    assert path.read_bytes().startswith(b"-----BEGIN RSA PRIVATE KEY-----")
    assert read(path).bits == 1024


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is not a private key in PEM"),
        (b"\0\xff" * 1000, "is not a private key in PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "is not a private key in PEM"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "is neither an RSA nor an Ed25519 key"),
        (
            pem(
                rsa.generate_private_key(65537, 1024),
                encryption=serialization.BestAvailableEncryption(b"secret"),
            ),
            "is encrypted",
        ),
        (damaged(), "is damaged"),
    ],
    ids=["empty", "binary", "broken", "curve", "encrypted", "damaged"],
)
def test_what_cannot_sign_is_told(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(data)
    with pytest.raises(KeyFileError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path} {told}")


def test_a_key_too_short_for_every_verifier_is_told(tmp_path: Path) -> None:
    p, q, e = 2**255 - 19, 2**256 - 189, 65537  # two primes
    d = pow(e, -1, (p - 1) * (q - 1))
    halves = rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(e, p * q)
    )
    path = tmp_path / "key.pem"
    path.write_bytes(pem(halves.private_key()))
    with pytest.raises(KeyFileError, match=r"has 511 bits, nobody takes less than 1024"):
        read(path)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be read"):
        read(tmp_path / "missing.pem")


def test_what_is_no_file_is_told_and_nobody_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe.pem")
    (link := tmp_path / "link.pem").symlink_to("/dev/zero")
    for path in (tmp_path, pipe, link):
        with pytest.raises(KeyFileError, match="is no regular file"):
            read(path)


def test_a_file_longer_than_any_key_is_not_read_to_its_end(tmp_path: Path) -> None:
    with (path := tmp_path / "huge.pem").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(KeyFileError, match="more than 65536 bytes"):
        read(path)


def test_a_record_is_the_public_half() -> None:
    rsa_record, ed_record = (read(key_file(kind)).record() for kind in ("rsa", "ed25519"))
    assert rsa_record.startswith("v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A")
    assert ed_record.startswith("v=DKIM1; k=ed25519; p=")
    assert len(ed_record) == len("v=DKIM1; k=ed25519; p=") + 44  # 32 bytes


def test_a_file_is_read_once_and_again_when_it_has_changed(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    clock = Clock()
    keys = Keys(clock)
    first = keys.get(file)
    put(file, dkim_keys.make("ed25519"))
    assert keys.get(file) is first  # nobody has looked since
    clock.now = LOOK_EVERY
    second = keys.get(file)
    assert second.record() != first.record()
    assert "read again and in force" in caplog.text
    clock.now = 2 * LOOK_EVERY
    assert keys.get(file) is second


def test_a_file_that_goes_bad_changes_nothing_and_is_told_once(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    keys = Keys(clock)
    first = keys.get(file)
    put(file, b"half of a")
    for step in range(1, 5):
        clock.now = step * LOOK_EVERY
        assert keys.get(file) is first
    assert caplog.text.count("the key read before stays in force") == 1
    file.unlink()
    clock.now = 10.0
    assert keys.get(file) is first
    put(file, dkim_keys.make("ed25519"))
    clock.now = 20.0
    assert keys.get(file).record() != first.record()


def test_a_file_that_comes_late_is_found(tmp_path: Path) -> None:
    clock = Clock()
    keys = Keys(clock)
    path = tmp_path / "key.pem"
    with pytest.raises(KeyFileError, match="cannot be read"):
        keys.get(path)
    put(path, dkim_keys.make("ed25519"))
    with pytest.raises(KeyFileError):  # it is not looked for at each message
        keys.get(path)
    clock.now = LOOK_EVERY
    assert keys.get(path).algorithm == "ed25519-sha256"


@pytest.mark.parametrize("known", [False, True])
def test_a_file_that_could_not_be_read_is_tried_again_though_it_has_not_changed(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, known: bool
) -> None:
    """As when the process has no descriptor left at this moment (K11)."""
    clock = Clock()
    keys = Keys(clock)
    if known:
        first = keys.get(file)
        put(file, dkim_keys.make("ed25519"))

    def none_left(*_: object, **__: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", none_left)
        for step in (1, 2):
            clock.now = step * LOOK_EVERY
            if known:
                assert keys.get(file) is first
            else:
                with pytest.raises(KeyFileError, match="Too many open files"):
                    keys.get(file)
    clock.now = 3 * LOOK_EVERY
    assert keys.get(file).record() == read(file).record()
    assert caplog.text.count("the key read before stays in force") == known


def test_messages_in_between_look_at_no_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    keys = Keys(clock)
    keys.get(file)

    def forbidden(*_: object, **__: object) -> os.stat_result:
        raise AssertionError("a file was looked at")

    monkeypatch.setattr(Path, "stat", forbidden)
    for _ in range(100):
        keys.get(file)
