import pytest

from estafeta_core.headers import Header
from estafeta_milter.dkim.covered import INSTANCES, LINE, OVERSIGNED, SIGNED, covered

FROM = Header("From", b"news@acme.example")


def test_every_field_of_meaning_is_covered_and_most_cannot_be_added_to() -> None:
    names, fields = covered([FROM])
    assert fields == [FROM]
    assert names == ["From", *OVERSIGNED]


@pytest.mark.parametrize("name", SIGNED)
def test_other_fields_are_covered_where_they_stand(name: str) -> None:
    field = Header(name.upper(), b"x")
    names, fields = covered([FROM, field])
    assert names.count(name) == 1
    assert field in fields


@pytest.mark.parametrize("name", ["List-Unsubscribe", "List-Unsubscribe-Post", "Sender", "References"])
def test_nobody_puts_a_second_one_beside_these(name: str) -> None:
    assert covered([FROM, Header(name, b"x")])[0].count(name) == 2
    assert name not in covered([FROM])[0]


@pytest.mark.parametrize(
    "name", ["Bcc", "Received", "Return-Path", "X-Estafeta-Pool", "X-Estafeta-Job", "X-Mailer", "Resent-From"]
)
def test_what_changes_on_the_way_is_not_covered(name: str) -> None:
    assert covered([FROM, Header(name, b"x")]) == covered([FROM])


def test_of_several_the_last_comes_first() -> None:
    first, second = Header("To", b"a"), Header("TO", b"b")
    names, fields = covered([first, FROM, second])
    assert [field for field in fields if field is not FROM] == [second, first]
    assert names.count("To") == 3


def test_of_very_many_the_last_ones_are_covered() -> None:
    many = [Header("To", b"%d" % number) for number in range(50_000)]
    names, fields = covered([*many, FROM])
    assert names.count("To") == INSTANCES
    assert fields[1:] == many[: -INSTANCES - 1 : -1]


@pytest.mark.parametrize("value", [b"a\x0bb", b"a\x0cb", b"a\rb", b"x" * (LINE + 1), b"x\n " + b"y" * LINE])
def test_what_would_not_arrive_as_it_left_is_not_covered(value: bytes) -> None:
    names, fields = covered([FROM, Header("Subject", value), Header("Subject", b"fine")])
    assert "Subject" not in names
    assert fields == [FROM]
    assert covered([Header("From", value)])[0].count("From") == 2


def test_a_long_field_of_short_lines_is_covered() -> None:
    field = Header("References", b"\n ".join([b"<a@b.example>"] * 500))
    assert field in covered([FROM, field])[1]
