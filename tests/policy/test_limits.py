import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core.config.accounts import Limits
from estafeta_policy import limits
from estafeta_policy.limits import Bound, Counters, bounds, never

KEY = Bound(("credential acme/main", 60), "Per-minute", 3)
ACCOUNT = Bound(("account acme", 3_600), "Per-hour", 5)
DOMAIN = Bound(("domain acme acme.example", 86_400), "Per-day", 4)


def test_exactly_a_hundred_of_two_hundred_pass() -> None:
    counters, hundred = Counters(), Bound(KEY.key, "Per-minute", 100)
    assert sum(counters.take([hundred], 5.0) is None for _ in range(200)) == 100


def test_a_refusal_says_which_limit_and_after_how_many_seconds() -> None:
    counters = Counters()
    for second in (10, 20, 30):
        assert counters.take([KEY], second) is None
    refused = counters.take([KEY], 23.5)
    assert refused is not None
    assert (refused.bound, refused.retry_after) == (KEY, 47)
    assert str(refused.refusal()) == "451 4.7.1 Per-minute rate limit exceeded. Retry after 47 seconds."


def test_after_the_seconds_it_named_a_limit_is_open_again() -> None:
    counters = Counters()
    for _ in range(3):
        counters.take([KEY], 0.25)
    refused = counters.take([KEY], 12.0)
    assert refused is not None
    assert counters.take([KEY], 12.0 + refused.retry_after) is None


def test_nothing_counts_when_any_counter_refuses() -> None:
    counters = Counters()
    for _ in range(3):
        assert counters.take([KEY, ACCOUNT], 0) is None
    for _ in range(10):
        assert counters.take([ACCOUNT, KEY], 1) is not None
    assert counters.take([ACCOUNT], 1) is None
    assert counters.take([ACCOUNT], 1) is None
    assert counters.take([ACCOUNT], 1) is not None


def test_recipients_that_are_asked_for_together_pass_together_or_not_at_all() -> None:
    counters = Counters()
    assert counters.take([KEY, ACCOUNT], 0, 2) is None
    refused = counters.take([KEY, ACCOUNT], 15, 2)
    assert refused is not None
    assert (refused.bound, refused.retry_after) == (KEY, 45)
    assert counters.take([KEY, ACCOUNT], 15, 1) is None, "what was refused took none of what is left"
    assert counters.take([KEY, ACCOUNT], 60, 2) is None
    assert counters.take([ACCOUNT], 60, 1) is not None


def test_a_message_that_no_window_holds_can_never_pass_and_the_narrowest_limit_says_so() -> None:
    assert never([ACCOUNT, KEY, DOMAIN], 3) is None
    assert never([], 1_000_000) is None
    refusal = never([ACCOUNT, KEY, DOMAIN], 6)
    assert str(refusal) == "550 5.5.3 Too many recipients: 6 in one message, and the per-minute limit is 3"


def test_of_several_used_up_counters_the_longest_wait_is_told() -> None:
    counters, hourly = Counters(), Bound(ACCOUNT.key, "Per-hour", 3)
    for _ in range(3):
        counters.take([KEY, hourly], 0)
    refused = counters.take([KEY, hourly], 30)
    assert refused is not None
    assert (refused.bound, refused.retry_after) == (hourly, 3570)


def test_a_day_is_counted_across_its_minutes() -> None:
    counters = Counters()
    assert [counters.take([DOMAIN], hour * 3600) is None for hour in (0, 5, 10, 15, 20, 24)] == [
        True,
        True,
        True,
        True,
        False,
        True,
    ]


def test_limits_that_bound_nothing_need_no_counter() -> None:
    assert bounds("account acme", Limits()) == ()
    assert bounds("account acme", Limits(per_minute=1, per_day=7)) == (
        Bound(("account acme", 60), "Per-minute", 1),
        Bound(("account acme", 86_400), "Per-day", 7),
    )
    assert Counters().take([], 0) is None


def test_memory_is_bounded_and_the_counter_used_longest_ago_goes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MAX_WINDOWS", 3)
    counters = Counters()
    one = [Bound((f"domain acme d{number}", 60), "Per-minute", 1) for number in range(4)]
    for single in one:
        assert counters.take([single], 0) is None
    assert len(counters) == 3
    assert counters.take([one[3]], 0) is not None
    assert counters.take([one[0]], 0) is None


@given(st.lists(st.tuples(st.floats(0, 40), st.integers(0, 7), st.integers(1, 6)), max_size=120))
def test_no_window_ever_holds_more_than_its_bound(steps: list[tuple[float, int, int]]) -> None:
    counters, now, passed = Counters(), 0.0, []
    every = (KEY, ACCOUNT, DOMAIN)
    for gap, mask, number in steps:
        now += gap
        asked = [one for bit, one in enumerate(every) if mask >> bit & 1]
        if counters.take(asked, now, number) is None:
            passed += [(now, one) for one in asked] * number
    for one in every:
        times = [time for time, counted in passed if counted == one]
        for start in times:
            assert sum(start <= time < start + one.key[1] for time in times) <= 2 * one.limit
