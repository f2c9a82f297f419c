"""Content-Disposition: the sender's name for a file, and nothing else of the sender's."""

import email.message
import email.policy
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core.hosting import NAME_BYTES, file_name
from estafeta_web.disposition import attachment


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("report.pdf", 'attachment; filename="report.pdf"'),
        ("two words.pdf", 'attachment; filename="two words.pdf"'),
        ("it's [1] (a).pdf", 'attachment; filename="it\'s [1] (a).pdf"'),
        ("año.pdf", "attachment; filename=\"ano.pdf\"; filename*=UTF-8''a%C3%B1o.pdf"),
        ("会議.pdf", "attachment; filename=\"__.pdf\"; filename*=UTF-8''%E4%BC%9A%E8%AD%B0.pdf"),
        ("100%41.pdf", "attachment; filename=\"100_41.pdf\"; filename*=UTF-8''100%2541.pdf"),
        ('a"b.pdf', 'attachment; filename="a_b.pdf"'),
        ("a\r\nSet-Cookie: x=y", 'attachment; filename="a Set-Cookie_ x=y"'),
        ("../../etc/passwd", 'attachment; filename="passwd"'),
        ("", 'attachment; filename="file"'),
    ],
)
def test_h3_a_name_is_offered_in_both_forms(name: str, value: str) -> None:
    assert attachment(name) == value


@given(st.text(max_size=300))
def test_h3_whatever_the_name_the_field_is_one_and_says_the_safe_name(name: str) -> None:
    value = attachment(name)
    assert value.isascii()
    assert value.isprintable()
    assert value.startswith('attachment; filename="')
    plain, _, extended = value.removeprefix('attachment; filename="').partition('"')
    assert not set(plain) & set('"\\%/')
    if extended:
        assert unquote(extended.removeprefix("; filename*=UTF-8''")) == file_name(name)
    else:
        assert plain == file_name(name)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=100))
def test_an_independent_reader_sees_the_name(name: str) -> None:
    read = email.message.EmailMessage(email.policy.HTTP)
    read["Content-Disposition"] = attachment(name).replace(
        'filename="', 'x="', 1 if "*=" in attachment(name) else 0
    )
    assert len((read.get_filename() or "").encode()) <= NAME_BYTES
    assert read.get_filename() == file_name(name)
