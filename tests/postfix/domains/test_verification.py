"""States of a domain by the answers of DNS; what proves it."""

from dataclasses import replace
from itertools import pairwise

import pytest

from estafeta_core.config.schema import Dns
from estafeta_core.store.standing_rows import DomainCheck
from estafeta_postfix.domains.lookup import Answer
from estafeta_postfix.domains.verification import HOUR, after, new_challenge, public_half, record_of, shows

SETTINGS = Dns(recheck_hours=6, grace_hours=72)
NEW = DomainCheck("acme", "new.example", "", "abc", "unverified", 0, None, None, "", 0)
EXPECTED = "estafeta-verification=abc"
THERE = Answer("found", ("v=spf1 -all", EXPECTED))
OTHER = Answer("found", ("estafeta-verification=xyz",))
GONE = Answer("missing", reason="the name does not exist")
UNKNOWN = Answer("unknown", reason="no answer within 5 s")


def asked(check: DomainCheck, answer: Answer, now: float, random: float = 0.5) -> DomainCheck:
    """Return the check after an answer at `now` hours."""
    at = round(now * HOUR)
    return after(check, answer, EXPECTED, settings=SETTINGS, now=at, random=lambda: random)


def test_a_challenge_is_128_bits_that_fit_into_a_name_and_no_two_are_the_same() -> None:
    made = {new_challenge() for _ in range(100)}
    assert len(made) == 100
    assert all(len(each) == 26 and each.isalnum() and each == each.lower() for each in made)
    assert record_of("new.example", "abc") == ("_estafeta.new.example", EXPECTED)


def test_the_record_verifies_and_any_other_does_not() -> None:
    verified = asked(NEW, THERE, 1)
    assert (verified.state, verified.since, verified.checked) == ("verified", HOUR, HOUR)
    assert verified.answer == "the record is there"
    assert asked(verified, THERE, 2).since == HOUR
    for answer in (OTHER, GONE, UNKNOWN, Answer("found", (EXPECTED.upper(), f"{EXPECTED} x", "abc"))):
        assert asked(NEW, answer, 1).state == "unverified"
    assert asked(NEW, OTHER, 1).answer == "another text is there: estafeta-verification=xyz"


def test_a_record_that_is_gone_counts_after_the_grace_period() -> None:
    check = asked(NEW, THERE, 0)
    for now, state, missing in ((6, "verified", 6), (77.9, "verified", 6), (78, "lost", None)):
        check = asked(check, OTHER if now == 6 else GONE, now)
        assert (check.state, check.missing) == (state, missing and missing * HOUR)
    assert check.since == 78 * HOUR
    assert asked(check, GONE, 90).since == 78 * HOUR
    assert asked(check, THERE, 90).state == "verified"


def test_one_that_is_seen_again_begins_its_grace_anew() -> None:
    check = asked(asked(asked(NEW, THERE, 0), GONE, 1), THERE, 72)
    assert check.missing is None
    assert asked(check, GONE, 74).state == "verified"


@pytest.mark.parametrize("before", [NEW, replace(NEW, state="verified"), replace(NEW, state="lost")])
def test_where_nobody_knows_nothing_changes(before: DomainCheck) -> None:
    missing = replace(before, missing=999 * HOUR) if before.state == "verified" else before
    found = asked(missing, UNKNOWN, 1000)
    assert (found.state, found.since, found.missing) == (missing.state, missing.since, missing.missing)
    assert found.answer == UNKNOWN.reason
    assert found.due == 1000 * HOUR + 600_000


def test_verified_domains_are_asked_about_after_the_interval_give_or_take_a_tenth() -> None:
    verified = asked(NEW, THERE, 0)
    waits = [asked(verified, THERE, 1, random).due - HOUR for random in (0.0, 0.5, 1.0)]
    assert waits == [5.4 * HOUR, 6 * HOUR, 6.6 * HOUR]


def test_new_domains_are_asked_about_less_and_less_often() -> None:
    check, times = NEW, [0]
    while check.due < 48 * HOUR:
        check = asked(check, GONE, check.due / HOUR)
        times.append(check.due)
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (60_000, 6 * HOUR)
    assert len(waits) < 30


def test_the_end_of_the_grace_period_is_not_missed() -> None:
    gone = asked(asked(NEW, THERE, 0), GONE, 10)
    assert asked(gone, GONE, 80).due == 82 * HOUR


def test_a_short_interval_holds_for_every_state() -> None:
    short = Dns(recheck_hours=0.001, grace_hours=0)
    for check in (NEW, replace(NEW, state="verified"), replace(NEW, state="verified", missing=0)):
        for answer in (GONE, UNKNOWN, THERE):
            found = after(check, answer, EXPECTED, settings=short, now=HOUR, random=lambda: 0.5)
            assert found.due - HOUR == 3600


def test_a_dkim_record_is_compared_by_its_key() -> None:
    expected = "v=DKIM1; k=rsa; p=QUJD"
    for text in (expected, "p=QUJD", "v=DKIM1;h=sha256 ; p = QU JD ;t=s", "k=rsa; v=DKIM1; p=QUJD"):
        assert shows(Answer("found", ("other", text)), expected, key=True)
    for text in (
        "v=DKIM1; p=",
        "v=DKIM1; k=ed25519; p=QUJD",
        "v=DKIM1; p=QUJE",
        "v=DKIM2; p=QUJD",
        "p=QUJD!",
        "p=QUJ\ufffd",
    ):
        assert not shows(Answer("found", (text,)), expected, key=True)
    assert public_half("nothing") is None
