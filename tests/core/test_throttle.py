import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core import throttle
from estafeta_core.throttle import Throttle, network

ADDRESS = "192.0.2.1"


def fail(braking: Throttle, now: float, address: str = ADDRESS) -> float:
    braking.begin(address, now)
    return braking.penalty(address, now)


def test_the_delay_doubles_up_to_its_limit() -> None:
    braking = Throttle(2, 5, 60)
    assert [fail(braking, second) for second in range(5)] == [2, 4, 5, 5, 5]


def test_no_delay_reaches_the_time_that_postfix_waits() -> None:
    braking = Throttle(2, 15, 5000)
    assert max(fail(braking, second) for second in range(3000)) == throttle.LONGEST_DELAY < 10


def test_an_address_that_was_quiet_begins_anew() -> None:
    braking = Throttle(2, 8, 60)
    assert [fail(braking, 0), fail(braking, 1), fail(braking, 1 + throttle.FORGET)] == [2, 4, 2]


def test_addresses_do_not_pay_for_each_other() -> None:
    braking = Throttle(2, 8, 2)
    for _ in range(3):
        fail(braking, 0)
    assert braking.blocked(ADDRESS, 0)
    assert not braking.blocked("192.0.2.2", 0)
    assert fail(braking, 0, "192.0.2.2") == 2


def test_past_the_limit_an_address_is_blocked_until_its_minute_ends() -> None:
    braking = Throttle(2, 8, 3)
    for second in (10, 20, 30):
        assert not braking.blocked(ADDRESS, second)
        fail(braking, second)
    assert braking.blocked(ADDRESS, 31)
    assert braking.blocked(ADDRESS, 69.9)
    assert not braking.blocked(ADDRESS, 70)
    fail(braking, 70)
    assert not braking.blocked(ADDRESS, 70)


def test_attempts_under_way_count_before_they_have_failed() -> None:
    braking = Throttle(2, 8, 2)
    braking.begin(ADDRESS, 0)
    braking.begin(ADDRESS, 0)
    assert braking.blocked(ADDRESS, 0)
    braking.forgive(ADDRESS)
    assert not braking.blocked(ADDRESS, 0)


def test_right_secrets_are_never_counted() -> None:
    braking = Throttle(2, 8, 2)
    for _ in range(100):
        assert not braking.blocked(ADDRESS, 0)
        braking.begin(ADDRESS, 0)
        braking.forgive(ADDRESS)
    assert fail(braking, 0) == 2


def test_forgiving_what_is_not_known_does_nothing() -> None:
    braking = Throttle(2, 8, 2)
    braking.forgive(ADDRESS)
    assert braking.penalty(ADDRESS, 0) == 2
    assert len(braking) == 0


def test_new_settings_keep_what_is_known() -> None:
    braking = Throttle(2, 8, 60)
    fail(braking, 0)
    braking.configure(3, 8, 1)
    assert braking.blocked(ADDRESS, 0)
    assert fail(braking, 0) == 6


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("IPv6:2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("unknown", "unknown"),
        ("not:an:address", "not:an:address"),
        ("", ""),
    ],
)
def test_ipv6_counts_per_64(address: str, counted_as: str) -> None:
    assert network(address) == counted_as


def test_memory_is_bounded_and_the_oldest_address_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MAX_ADDRESSES", 10)
    braking = Throttle(2, 8, 1)
    for number in range(11):
        fail(braking, 0, f"192.0.2.{number}")
    assert len(braking) == 10
    assert not braking.blocked("192.0.2.0", 0)
    assert braking.blocked("192.0.2.10", 0)


@given(st.lists(st.floats(0, 30), max_size=80), st.integers(1, 10))
def test_no_address_fails_oftener_in_its_minute_than_the_setting(gaps: list[float], per_minute: int) -> None:
    braking = Throttle(2, 8, per_minute)
    now, checked = 0.0, []
    for gap in gaps:
        now += gap
        if not braking.blocked(ADDRESS, now):
            fail(braking, now)
            checked.append(now)
    # Windows begin with a failure, so any minute touches at most two of them.
    for start in checked:
        assert sum(start <= time < start + throttle.MINUTE for time in checked) <= 2 * per_minute
