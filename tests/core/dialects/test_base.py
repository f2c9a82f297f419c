import re
from collections.abc import Callable, Sequence

import pytest

from estafeta_core import secrets
from estafeta_core.config.accounts import Account
from estafeta_core.dialects import DIALECTS
from estafeta_core.dialects.base import Dialect, UserName, walk
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Unscannable
from estafeta_testing import corpora

LookUp = Callable[[Sequence[str], Sequence[str]], dict[str, str]]

ACCOUNT = Account(account="acme", dialect="sparkpost")


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_every_dialect_answers_every_question_in_terms_others_can_use(name: str) -> None:
    dialect = DIALECTS[name]
    assert dialect.name == name
    assert set(dialect.mechanisms) <= {"PLAIN", "LOGIN"}
    assert dialect.size_limit > 0
    assert dialect.control_headers == {header.lower() for header in dialect.control_headers}
    assert dialect.store_failed.code // 100 == 4
    assert dialect.authentication_required.code // 100 == 5
    assert dialect.permission_refused.code == 535
    assert dialect.login_refused.isascii()
    assert dialect.parse_username("") is None
    assert "from" in dialect.sender_fields(ACCOUNT)
    assert set(dialect.hidden_keywords) <= {"pipelining", "vrfy", "enhancedstatuscodes", "dsn", "smtputf8"}


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_every_refusal_of_a_message_is_final_and_fits_into_one_ascii_line(name: str) -> None:
    dialect = DIALECTS[name]
    refusals = [
        dialect.sender_refused("a@b.example", ACCOUNT),
        dialect.sender_refused("no address", ACCOUNT),
        dialect.recipient_refused("a@b.example", ACCOUNT),
        dialect.too_large(1, ACCOUNT),
        dialect.hosting_full(ACCOUNT),
        dialect.tags_missing(ACCOUNT),
        dialect.unscannable("more than 1000 parts", ACCOUNT),
    ]
    for refusal in refusals:
        assert refusal.code // 100 == 5
        assert refusal.status == "" or re.fullmatch(r"5\.\d\.\d", refusal.status)
        assert str(refusal).isascii()
        assert len(str(refusal)) < 510
        assert "None" not in str(refusal)


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_postfix_understands_every_line_of_its_tables(look_up: LookUp, name: str) -> None:
    dialect = DIALECTS[name]
    for lines in (dialect.command_filter, dialect.reject_footers(dialect.size_limit)):
        assert look_up([*lines, "/^matches this$/ found"], ["matches this"]) == {"matches this": "found"}


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_a_new_key_is_one_that_can_be_stored(name: str) -> None:
    keys = {DIALECTS[name].make_key("acme") for _ in range(20)}
    assert len(keys) == len({secrets.hash_key(key) for key in keys}) == 20


@pytest.mark.parametrize(
    ("username", "taken"), [("a", True), ("a:b@c!", True), ("a b", False), ("a\x7f", False), ("é", False)]
)
def test_a_user_name_is_text_that_every_mechanism_and_log_carries(username: str, taken: bool) -> None:
    assert Dialect().parse_username(username) == (UserName(username) if taken else None)


def test_walking_meets_every_part_in_the_order_of_the_message() -> None:
    part = b"--%s\r\nContent-Type: %s\r\n\r\n%s\r\n"
    inner = part % (b"i", b"text/plain", b"x") + part % (b"i", b"text/html", b"x") + b"--i--"
    body = part % (b"o", b"multipart/alternative; boundary=i", inner) + part % (b"o", b"image/png", b"x")
    headers, body = corpora.received(
        b"Content-Type: multipart/mixed; boundary=o\r\n\r\n" + body + b"--o--\r\n"
    )
    root = Message("", (), headers, body).structure
    assert not isinstance(root, Unscannable)
    found = [each.content_type for each in walk(root)]
    assert found == ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "image/png"]
