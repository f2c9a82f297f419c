import pytest

from estafeta_core.headers import Header
from estafeta_postfix.explain.arrival import Field
from estafeta_postfix.explain.changes import Change, compare

FROM, SUBJECT, CONTROL, TO = (
    Header("From", b"a"),
    Header("Subject", b"b"),
    Header("X-MSYS-API", b"{}"),
    Header("To", b"c"),
)


def marks(changes: list[Change]) -> list[str]:
    return [f"{change.mark} {change.name} {change.by}".rstrip() for change in changes]


def test_what_is_gone_stands_where_it_stood_and_what_is_new_where_it_is() -> None:
    fields = [Field(header) for header in (FROM, CONTROL, SUBJECT, TO)]
    after = [FROM, SUBJECT, TO, Header("X-MSFBL", b"x")]
    assert marks(compare(fields, after)) == [
        "kept From",
        "removed X-MSYS-API estafeta",
        "kept Subject",
        "kept To",
        "added X-MSFBL estafeta",
    ]


def test_a_new_field_of_the_same_name_is_a_change_and_tells_what_was_before() -> None:
    (kept, changed) = compare([Field(FROM), Field(SUBJECT)], [FROM, Header("subject", b"new")])
    assert kept.before is None
    assert (changed.mark, changed.name, changed.value, changed.before) == ("changed", "subject", b"new", b"b")


def test_of_two_fields_that_become_one_the_second_is_removed() -> None:
    twice = [Field(Header("Cc", b"a")), Field(Header("Cc", b"b"))]
    assert marks(compare(twice, [Header("Cc", b"a, b")])) == ["changed Cc estafeta", "removed Cc estafeta"]


def test_what_postfix_does_is_postfixs() -> None:
    long = Header("X-Long", b"xx")
    fields = [
        Field(Header("Bcc", b"secret"), "dropped"),
        Field(Header("X-Long", b"x"), "cut", long),
        Field(Header("Date", b"now"), "added"),
    ]
    after = [fields[1].header, fields[2].header, Header("Bcc", b"own")]
    found = compare(fields, after)
    assert marks(found) == [
        "removed Bcc postfix",
        "changed X-Long postfix",
        "added Date postfix",
        "added Bcc estafeta",
    ]
    assert found[0].value == b"secret"
    assert found[1].before == b"xx"


def test_what_is_removed_behind_everything_else_is_not_forgotten() -> None:
    assert marks(compare([Field(FROM), Field(CONTROL)], [FROM])) == [
        "kept From",
        "removed X-MSYS-API estafeta",
    ]
    assert marks(compare([Field(CONTROL)], [])) == ["removed X-MSYS-API estafeta"]


@pytest.mark.timeout(20)
def test_tens_of_thousands_of_fields_take_no_time() -> None:
    kept = [Field(Header("X-A", b"a")) for _ in range(25_000)]
    dropped = [Field(Header("Bcc", b"b"), "dropped") for _ in range(25_000)]
    for fields in ([*kept, *dropped], [*dropped, *kept]):
        assert len(compare(fields, [field.header for field in kept])) == 50_000
