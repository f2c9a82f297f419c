"""What came back of mail is counted by credential, and each suspension is there once until it is lifted."""

import time
from dataclasses import dataclass, replace

import pytest

from estafeta_core.store import Store
from estafeta_core.store.reputation import Outcome
from estafeta_core.store.rows import Event, Message, Row, Transmission
from estafeta_core.store.standing_rows import Suspension, SuspensionLifted
from estafeta_testing.stored import IDS, make_rows

NOW = time.time_ns() // 1_000_000
DAY = 86_400_000
DELIVERED = ("delivery", "")
HARD = ("bounce", "10")
NOBODY = Outcome(0, 0, 0)


def suspension(**others: object) -> Suspension:
    fields: dict[str, object] = {
        "account": "acme",
        "credential": "main",
        "since": NOW,
        "until": None,
        "reason": "complaint_rate",
        "recipients": 40,
        "complaints": 5,
        "bounces": 1,
    }
    return Suspension(**fields | others)  # type: ignore[arg-type] # the keys are the fields


@dataclass(frozen=True, slots=True)
class Mail:
    """A message to one recipient, and what became of it."""

    events: tuple[tuple[str, str], ...]
    credential: str = "main"
    account: str = "acme"
    age: int = 0  # milliseconds between its acceptance and NOW

    def rows(self) -> list[Row]:
        transmission, message, _ = make_rows("a@example.net", account=self.account)
        assert isinstance(transmission, Transmission)
        assert isinstance(message, Message)
        id_ = IDS.next() - (self.age << 22)
        injected = NOW - self.age
        told = [
            Event(
                IDS.next(), kind, NOW, id_, message.message_id, self.account, None, {"bounce_class": class_}
            )
            for kind, class_ in self.events
        ]
        sent = replace(transmission, transmission_id=id_, credential=self.credential, injection_time=injected)
        return [sent, replace(message, transmission_id=id_), *told]


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ((), NOBODY),
        ((DELIVERED,), Outcome(1, 0, 0)),
        ((DELIVERED, ("spam_complaint", "")), Outcome(1, 1, 0)),
        ((("delay", "70"), DELIVERED, ("open", ""), ("click", "")), Outcome(1, 0, 0)),
        ((HARD,), Outcome(1, 0, 1)),
        ((("bounce", "30"),), Outcome(1, 0, 1)),
        ((("bounce", "90"),), Outcome(1, 0, 1)),
        ((DELIVERED, ("out_of_band", "10")), Outcome(1, 0, 1)),
        ((DELIVERED, ("out_of_band", "22")), Outcome(1, 0, 0)),
        ((("bounce", "25"),), NOBODY),  # suppressed: nobody was bothered
        ((("bounce", "51"),), NOBODY),  # blocked: it says nothing about the address
        ((("bounce", "100"),), NOBODY),
        ((("policy_rejection", ""),), NOBODY),
    ],
)
def test_what_became_of_a_recipient_counts_as_it_was(
    store: Store, events: tuple[tuple[str, str], ...], outcome: Outcome
) -> None:
    store.record([row for mail in (Mail((DELIVERED,)), Mail(events)) for row in mail.rows()])
    expected = Outcome(outcome.recipients + 1, outcome.complaints, outcome.bounces)
    assert store.outcomes("acme", NOW - DAY) == {"main": expected}


def test_each_credential_has_its_own_and_no_account_anothers(store: Store) -> None:
    mails = [Mail((DELIVERED,)), Mail((HARD,), "shop"), Mail((DELIVERED,), account="other")]
    store.record([row for mail in mails for row in mail.rows()])
    assert store.outcomes("acme", NOW - DAY) == {"main": Outcome(1, 0, 0), "shop": Outcome(1, 0, 1)}


def test_mail_from_before_the_window_does_not_count_whenever_it_is_complained_of(store: Store) -> None:
    old = Mail((DELIVERED, ("spam_complaint", "")), age=2 * DAY)
    store.record([*old.rows(), *Mail((DELIVERED,), age=DAY // 2).rows()])
    assert store.outcomes("acme", NOW - DAY) == {"main": Outcome(1, 0, 0)}
    assert store.outcomes("acme", NOW - 3 * DAY) == {"main": Outcome(2, 1, 0)}


def test_mail_from_before_a_suspension_was_lifted_does_not_count_any_more(store: Store) -> None:
    mails = [
        Mail((HARD,), age=1000),
        Mail((HARD,), age=400),
        Mail((DELIVERED,)),
        Mail((HARD,), "shop", age=1000),
    ]
    store.record([row for mail in mails for row in mail.rows()])
    store.record([suspension(since=NOW - 500)])
    assert store.outcomes("acme", NOW - DAY)["main"] == Outcome(2, 0, 1), "what came in before it was felt"
    store.record([SuspensionLifted("acme", "main", NOW)])
    assert store.outcomes("acme", NOW - DAY) == {"main": Outcome(1, 0, 0), "shop": Outcome(1, 0, 1)}


def test_a_suspension_is_there_once_with_what_it_was_first_written_for(store: Store) -> None:
    first = suspension()
    store.record([first, suspension(since=NOW + 1, complaints=9)])
    store.record([suspension(since=NOW + 2, complaints=10)])
    assert store.suspended() == {"acme/main": first}


def test_a_suspension_holds_until_it_is_lifted_and_may_come_again(store: Store) -> None:
    store.record([suspension(), suspension(credential="shop")])
    store.record([SuspensionLifted("acme", "main", NOW + 5)])
    assert list(store.suspended()) == ["acme/shop"]
    store.record([suspension(since=NOW + 9, reason="bounce_rate")])
    store.record([SuspensionLifted("other", "main", NOW + 10)])
    assert {name: each.reason for name, each in store.suspended().items()} == {
        "acme/main": "bounce_rate",
        "acme/shop": "complaint_rate",
    }
