import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_policy.wire import sasl


def b64(text: str | bytes) -> bytes:
    return base64.b64encode(text.encode() if isinstance(text, str) else text)


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("\0user\0secret", sasl.Credentials("user", "secret")),
        ("user\0user\0secret", sasl.Credentials("user", "secret")),
        ("\0usér\0sécret ", sasl.Credentials("usér", "sécret ")),
        ("admin\0user\0secret", sasl.OTHER_IDENTITY),
        ("\0user\tuser=admin\0secret", sasl.Credentials("user\tuser=admin", "secret")),
        ("\0\0secret", sasl.NOT_PLAIN),
        ("\0user\0", sasl.NOT_PLAIN),
        ("user\0secret", sasl.NOT_PLAIN),
        ("\0x\0y\0secret", sasl.NOT_PLAIN),
        ("", sasl.NOT_PLAIN),
        (b"\0\xff\0secret", sasl.NOT_TEXT),
    ],
)
def test_plain_is_read_alike_with_and_without_an_initial_response(
    message: str | bytes, outcome: sasl.Outcome
) -> None:
    assert sasl.start("PLAIN", b64(message)) == outcome
    challenge = sasl.start("PLAIN", None)
    assert isinstance(challenge, sasl.Challenge)
    assert challenge.data == b""
    assert sasl.step(challenge, b64(message)) == outcome


@pytest.mark.parametrize("initial", [None, b"", b"="])
def test_login_without_an_initial_response_prompts_twice(initial: bytes | None) -> None:
    first = sasl.start("LOGIN", initial)
    assert isinstance(first, sasl.Challenge)
    assert first.data == b"Username:"
    second = sasl.step(first, b64("user"))
    assert isinstance(second, sasl.Challenge)
    assert second.data == b"Password:"
    assert sasl.step(second, b64("secret")) == sasl.Credentials("user", "secret")


def test_login_with_an_initial_response_prompts_for_the_password_only() -> None:
    challenge = sasl.start("LOGIN", b64("user"))
    assert isinstance(challenge, sasl.Challenge)
    assert challenge.data == b"Password:"
    assert sasl.step(challenge, b64("secret")) == sasl.Credentials("user", "secret")


@pytest.mark.parametrize("mechanism", sasl.MECHANISMS)
@pytest.mark.parametrize("data", [b"a", b"====", b"dXNlcg", b"dXNl*cg=", b"dXNlcg==x", "é".encode()])
def test_what_is_not_base64_is_malformed(mechanism: str, data: bytes) -> None:
    assert sasl.start(mechanism, data) == sasl.NOT_BASE64


def test_login_refuses_text_that_is_not_utf_8() -> None:
    assert sasl.start("LOGIN", b64(b"\xff\xfe")) == sasl.NOT_TEXT


def test_a_secret_is_not_part_of_what_is_printed() -> None:
    assert "geheim" not in repr(sasl.Credentials("user", "geheim"))


@given(st.sampled_from(sasl.MECHANISMS), st.lists(st.binary(max_size=60), max_size=4))
def test_no_response_raises(mechanism: str, responses: list[bytes]) -> None:
    outcome = sasl.start(mechanism, responses[0] if responses else None)
    for response in responses[1:]:
        if not isinstance(outcome, sasl.Challenge):
            return
        outcome = sasl.step(outcome, response)
    assert isinstance(outcome, sasl.Credentials | sasl.Challenge | sasl.Malformed)
