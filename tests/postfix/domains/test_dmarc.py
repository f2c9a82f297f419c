"""DMARC records, as receivers find and read them (RFC 7489)."""

import pytest

from estafeta_postfix.domains.dmarc import DmarcError, Record, parse, places, records
from estafeta_postfix.domains.lookup import Answer


def test_a_domain_is_asked_first_and_then_its_parents() -> None:
    assert list(places("a.b.example")) == ["a.b.example", "b.example"]
    assert list(places("b.example")) == ["b.example"]
    assert list(places("example")) == ["example"]


def test_what_is_a_dmarc_record_among_other_texts() -> None:
    texts = ("v=spf1 -all", "v=DMARC1; p=none", "v = DMARC1;p=none", "v=DMARC10; p=none", "p=none; v=DMARC1")
    assert records(Answer("found", texts)) == ["v=DMARC1; p=none", "v = DMARC1;p=none"]


@pytest.mark.parametrize(
    ("record", "read"),
    [
        ("v=DMARC1; p=none", Record("none", "none", True)),
        ("v=DMARC1;p=Reject;sp=quarantine;aspf=s;", Record("reject", "quarantine", False)),
        ("v=DMARC1; p=quarantine; rua=mailto:a@b.example, mailto:c@d.example!10m; pct=50; x=y", None),
    ],
)
def test_a_record_is_read(record: str, read: Record | None) -> None:
    assert parse(record) == (read or Record("quarantine", "quarantine", True))


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("v=DMARC1", "p= is none of"),
        ("v=DMARC1; p=nothing", "p=nothing is none of none, quarantine, reject"),
        ("v=DMARC1; p=none; sp=x", "sp=x is none of"),
        ("v=DMARC1; none", "'none' has no value"),
        ("v=DMARC1; p=none; aspf=relaxed", "aspf=relaxed is neither r nor s"),
        ("v=DMARC1; p=none; rua=dmarc@a.example", "rua=dmarc@a.example does not begin with mailto:"),
    ],
)
def test_what_receivers_cannot_read(record: str, said: str) -> None:
    with pytest.raises(DmarcError, match=said):
        parse(record)


def test_a_parent_has_a_policy_for_those_below() -> None:
    record = Record("reject", "none", True)
    assert record.of("a.example", "a.example") == "reject"
    assert record.of("b.a.example", "a.example") == "none"
