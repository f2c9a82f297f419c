import pytest

from estafeta_core.headers import Header
from estafeta_postfix.mail_intake import clean
from estafeta_testing.injections import PAYLOADS


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"550 5.1.1 No such user", "550 5.1.1 No such user"),
        (b"  a\r\n\tb\x00c ", "a b c"),
        (b"caf\xe9", "caf\N{REPLACEMENT CHARACTER}"),
        ("a\u2028b\u202ec\ufeff".encode(), "a b c"),
        (b"x" * 2000, "x" * clean.FIELD),
        (b" " * 100_000 + b"x", ""),
        (b"", ""),
    ],
)
def test_text_is_one_bounded_line(raw: bytes, text: str) -> None:
    assert clean.text(raw) == text


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_text_has_a_line_end_or_a_control_character(payload: str) -> None:
    text = clean.text(payload.encode("utf-8", "surrogatepass"))
    assert len(text.splitlines()) <= 1
    assert all(sign.isprintable() or sign in "\U000e0041\u2029" for sign in text)
    assert len(text) <= clean.FIELD


def test_of_several_fields_the_first_counts() -> None:
    headers = (Header("Status", b"5.1.1\r\n (bad)"), Header("status", b"2.0.0"))
    assert clean.field(headers, "status") == "5.1.1 (bad)"
    assert clean.field(headers, "action") == ""
