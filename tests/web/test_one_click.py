"""Which POST bodies unsubscribe."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_web.one_click import is_one_click

FORM = "application/x-www-form-urlencoded"
MULTIPART = 'multipart/form-data; boundary="----b1"'
PART = (
    b'------b1\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n------b1--\r\n'
)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (FORM, b"List-Unsubscribe=One-Click"),
        (FORM + "; charset=utf-8", b"list-unsubscribe=one-click"),
        (FORM.upper(), b"a=b&List-Unsubscribe=One-Click&c=d"),
        (FORM, b"List%2DUnsubscribe=One%2dClick\r\n"),
        ("", b"List-Unsubscribe=One-Click"),
        (MULTIPART, PART),
        ("multipart/form-data; boundary=----b1", PART),
        ("Multipart/Form-Data; charset=utf-8; Boundary=----b1", PART.replace(b'"', b"")),
        (MULTIPART, b'------b1\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n' + PART),
        (MULTIPART, PART.replace(b'be"\r\n', b'be"\r\nContent-Type: text/plain\r\n')),
    ],
)
def test_the_one_click_body_unsubscribes_in_both_encodings(content_type: str, body: bytes) -> None:
    assert is_one_click(content_type, body)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (FORM, b""),
        (FORM, b"List-Unsubscribe"),
        (FORM, b"List-Unsubscribe="),
        (FORM, b"List-Unsubscribe=No"),
        (FORM, b"List-Unsubscribe=One-Click-Not"),
        (FORM, b"X-List-Unsubscribe=One-Click"),
        (FORM, b"One-Click=List-Unsubscribe"),
        (FORM, PART),
        (MULTIPART, b""),
        (MULTIPART, b"List-Unsubscribe=One-Click"),
        (MULTIPART, PART.replace(b"One-Click", b"Two-Click")),
        (MULTIPART, PART.replace(b"List-", b"X-List-")),
        (MULTIPART.replace("b1", "b2"), PART),
        ("multipart/form-data", PART),
        ("application/json", b'{"List-Unsubscribe": "One-Click"}'),
        ("text/plain", b"List-Unsubscribe=One-Click"),
    ],
)
def test_any_other_body_changes_nothing(content_type: str, body: bytes) -> None:
    assert not is_one_click(content_type, body)


@given(st.text(max_size=100), st.binary(max_size=300))
def test_hostile_bodies_raise_nothing(content_type: str, body: bytes) -> None:
    is_one_click(content_type, body)
    is_one_click(FORM, body)
    is_one_click(MULTIPART, body)
    is_one_click("multipart/form-data; boundary=" + content_type, body)
