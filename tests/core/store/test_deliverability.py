"""Metrics, counted from events."""

from typing import Any

from estafeta_core.store import Store
from estafeta_core.store.event_filter import EventFilter, pattern
from estafeta_core.store.rows import Event, Message, Transmission
from estafeta_testing.stored import IDS, make_rows

FIRST = {"num_retries": "0", "queue_time": "400"}
AGAIN = {"num_retries": "2", "queue_time": "90000"}


def told(store: Store, transmission: Transmission, message: Message | None, kind: str, **data: Any) -> None:
    store.record(
        [
            Event(
                IDS.next(),
                kind,
                transmission.injection_time + 1,
                transmission.transmission_id,
                message.message_id if message else None,
                "acme",
                None,
                data,
            )
        ]
    )


def story(store: Store) -> Transmission:
    """Record a message to six recipients, and what became of them."""
    rows = make_rows(*(f"{name}@{name}.example" for name in "abcdef"))
    store.record(rows)
    transmission = rows[0]
    assert isinstance(transmission, Transmission)
    a, b, c, d, e, f = (row for row in rows if isinstance(row, Message))
    told(store, transmission, a, "delivery", **FIRST)
    told(store, transmission, b, "delay", bounce_class="24", num_retries="0")
    told(store, transmission, b, "delivery", **AGAIN)
    told(store, transmission, c, "bounce", bounce_class="10", reason="550 No such user")
    told(store, transmission, d, "bounce", bounce_class="25", reason="suppressed")
    told(store, transmission, e, "delivery", **FIRST)
    told(store, transmission, e, "out_of_band", bounce_class="22", reason="full")
    told(store, transmission, f, "policy_rejection", reason="first only")
    told(store, transmission, a, "open")
    told(store, transmission, a, "open", automated="prefetch")
    told(store, transmission, b, "open", automated="prefetch")
    told(store, transmission, a, "initial_open")
    told(store, transmission, None, "open")  # a token shared by all: nobody's
    told(store, transmission, a, "click")
    told(store, transmission, a, "click")
    told(store, transmission, b, "click", automated="scanner")
    told(store, transmission, a, "list_unsubscribe")
    told(store, transmission, a, "spam_complaint")
    return transmission


EXPECTED = {
    "count_targeted": 7,
    "count_injected": 6,
    "count_rejected": 1,
    "count_policy_rejection": 1,
    "count_sent": 4,
    "count_accepted": 2,
    "count_delivered": 3,
    "count_delivered_first": 2,
    "count_delivered_subsequent": 1,
    "total_delivery_time_first": 800,
    "total_delivery_time_subsequent": 90000,
    "count_delayed": 1,
    "count_delayed_first": 1,
    "count_bounce": 2,
    "count_inband_bounce": 1,
    "count_outofband_bounce": 1,
    "count_hard_bounce": 1,
    "count_soft_bounce": 1,
    "count_block_bounce": 0,
    "count_admin_bounce": 1,
    "count_undetermined_bounce": 0,
    "count_spam_complaint": 1,
    "count_rendered": 4,
    "count_unique_rendered": 2,
    "count_initial_rendered": 1,
    "count_unique_initial_rendered": 1,
    "count_unique_confirmed_opened": 2,
    "count_nonprefetched_rendered": 2,
    "count_nonprefetched_unique_rendered": 1,
    "count_nonprefetched_initial_rendered": 1,
    "count_nonprefetched_unique_initial_rendered": 1,
    "count_nonprefetched_unique_confirmed_opened": 1,
    "count_raw_clicked": 3,
    "count_clicked": 2,
    "count_unique_clicked": 1,
    "count_unsubscribe": 1,
}


def test_every_metric_counts_the_events_it_is_of(store: Store) -> None:
    at = story(store).injection_time
    assert store.metrics("acme", 0, at + 10).metrics == EXPECTED
    assert set(store.metrics("other", 0, at + 10).metrics.values()) == {0}
    assert store.metrics("acme", 0, at + 1).metrics["count_delivered"] == 0
    assert store.metrics("acme", at + 1, at + 10).metrics["count_injected"] == 0


def test_a_bounce_of_no_known_class_is_undetermined(store: Store) -> None:
    rows = make_rows()
    store.record(rows)
    transmission, message = rows[0], rows[1]
    assert isinstance(transmission, Transmission)
    assert isinstance(message, Message)
    told(store, transmission, message, "bounce")
    told(store, transmission, message, "bounce", bounce_class="1")
    told(store, transmission, message, "bounce", bounce_class="77")
    assert store.metrics("acme", 0, 2**62).metrics["count_undetermined_bounce"] == 3


def test_metrics_are_filtered_as_events_are(store: Store) -> None:
    story(store)
    chosen = EventFilter(recipient_domains=(pattern("a.*"),), campaigns=("spring",))
    assert store.metrics("acme", 0, 2**62, chosen).metrics["count_delivered"] == 1
    assert store.metrics("acme", 0, 2**62, EventFilter(campaigns=("none",))).metrics["count_delivered"] == 0


def test_metrics_come_in_steps_of_time(store: Store) -> None:
    at = story(store).injection_time
    [step] = store.metrics_by_time("acme", 0, 2**62, width=3_600_000, limit=10)
    assert step.key == (at // 3_600_000 * 3_600_000,)
    assert step.metrics == EXPECTED
    day = 86_400_000
    [week] = store.metrics_by_time("acme", 0, 2**62, width=7 * day, shift=3 * day, limit=10)
    monday = week.key[0]
    assert isinstance(monday, int)
    assert (monday // day + 3) % 7 == 0
    assert monday <= at < monday + 7 * day


def test_metrics_come_by_what_events_share(store: Store) -> None:
    story(store)
    by_domain = store.metrics_by("domain", "acme", 0, 2**62, limit=10)
    assert by_domain[0].key == ("a.example",)  # of which most happened
    assert sum(each.metrics["count_injected"] for each in by_domain) == 6
    assert len(store.metrics_by("domain", "acme", 0, 2**62, limit=2)) == 2
    [campaign] = store.metrics_by("campaign", "acme", 0, 2**62, limit=10)
    assert (campaign.key, campaign.metrics) == (("spring",), EXPECTED)
    bounces = store.metrics_by("bounce_reason", "acme", 0, 2**62, limit=10)
    assert {(*each.key, each.metrics["count_bounce"]) for each in bounces} == {
        ("550 No such user", 10, 1),
        ("suppressed", 25, 0),
        ("full", 22, 1),
    }
    [rejection] = store.metrics_by("rejection_reason", "acme", 0, 2**62, limit=10)
    assert (rejection.key, rejection.metrics["count_rejected"]) == (("first only",), 1)
