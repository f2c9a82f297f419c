import pytest

from estafeta_core.bounce_class import HARD
from estafeta_core.store import Copy, Store
from estafeta_core.store.rows import Bounced, Message, TokenEvent, Unsubscribed
from estafeta_postfix.mail_intake import records
from estafeta_postfix.mail_intake.complaint import Complaint
from estafeta_postfix.mail_intake.delivery_status import Failure
from estafeta_postfix.mail_intake.records import Occasion
from estafeta_testing.stored import IDS, make_rows

COMPLAINT = Complaint("abuse", "Agent/1", "mail.example.net", "", "", ())


def accepted(store: Store, *, transactional: bool = False) -> Copy:
    rows = make_rows("alice@example.net", transactional=transactional)
    store.record(rows)
    assert isinstance(rows[1], Message)
    copy = store.message(rows[1].message_id)
    assert copy is not None
    return copy


def now(**delivered: str) -> Occasion:
    return Occasion(IDS.next(), 1000, delivered)


def failure(status: str = "5.1.1", code: str = "550", said: str = "550 5.1.1 No such user") -> Failure:
    return Failure(("alice@example.net",), status, code, said)


def suppressed(store: Store) -> set[str]:
    kinds = ("transactional", "non_transactional")
    return {kind for kind in kinds if store.is_suppressed("acme", None, ["alice@example.net"], [kind])}


def test_a_bounce_has_the_words_of_both_hosts(store: Store) -> None:
    copy = accepted(store)
    event, row = records.bounce(copy, failure(), now(queue_time="40", num_retries="1", delv_method="esmtp"))
    assert isinstance(event, TokenEvent)
    assert event.type == "out_of_band"
    assert event.data == {
        "recv_method": "esmtp",
        "delv_method": "esmtp",
        "queue_time": "40",
        "num_retries": "1",
        "bounce_class": "10",
        "error_code": "550",
        "reason": "550 5.1.1 No such user",
        "raw_reason": "550 5.1.1 No such user",
    }
    assert row == Bounced(copy.message.message_id, "Bounce Rule", "550 5.1.1 No such user", 1000)


@pytest.mark.parametrize(
    ("failed", "reason", "code"),
    [
        (failure("5.1.1", "", ""), "5.1.1", "554"),
        (failure("5.2.2", "552", ""), "552 5.2.2", "552"),
        (failure("", "", ""), "Delivery failed", "554"),
    ],
)
def test_a_bounce_always_has_a_reason_and_a_code(
    store: Store, failed: Failure, reason: str, code: str
) -> None:
    event = records.bounce(accepted(store), failed, now())[0]
    assert isinstance(event, TokenEvent)
    assert (event.data["reason"], event.data["error_code"]) == (reason, code)


@pytest.mark.parametrize("transactional", [True, False])
@pytest.mark.parametrize(
    ("status", "hard"), [("5.1.1", True), ("5.2.1", True), ("5.2.2", False), ("5.7.1", False), ("", False)]
)
def test_only_a_hard_bounce_suppresses_and_then_both_types(
    store: Store, status: str, hard: bool, transactional: bool
) -> None:
    store.record(records.bounce(accepted(store, transactional=transactional), failure(status, "", ""), now()))
    assert suppressed(store) == ({"transactional", "non_transactional"} if hard else set())
    assert [found.event.type for found in store.events(types=["out_of_band"])] == ["out_of_band"]


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        (failure("5.7.1", "550", "550 5.7.1 No such user!"), 10),
        (failure("5.1.1", "550", "550 5.1.1 rejected under suspicion of SPAM"), 52),
        (failure("5.0.0", "554", "554 5.0.0 Mailbox is full"), 22),
    ],
)
def test_the_words_count_where_the_code_is_vague_or_wrong(
    store: Store, failed: Failure, expected: int
) -> None:
    copy = accepted(store)
    store.record(records.bounce(copy, failed, now()))
    [found] = store.events(types=["out_of_band"])
    assert found.event.data["bounce_class"] == str(expected)
    assert bool(suppressed(store)) == (expected in HARD)


@pytest.mark.parametrize("transactional", [True, False])
def test_a_complaint_suppresses_the_type_that_follows_the_message(store: Store, transactional: bool) -> None:
    copy = accepted(store, transactional=transactional)
    rows = records.complaint(copy, COMPLAINT, "fbl@bounce.example.com", now(delv_method="esmtp"))
    store.record(rows)
    assert suppressed(store) == {"transactional" if transactional else "non_transactional"}
    assert rows[1] == Unsubscribed(copy.message.message_id, "Spam Complaint", 1000)
    assert store.events(types=["spam_complaint"])[0].event.data == {
        "fbtype": "abuse",
        "report_by": "mail.example.net",
        "report_to": "fbl@bounce.example.com",
        "user_str": "Agent/1",
        "delv_method": "esmtp",
    }


def test_an_unsubscribe_says_who_wrote(store: Store) -> None:
    copy = accepted(store)
    store.record(records.unsubscribe(copy, "alice@example.net", now()))
    assert suppressed(store) == {"non_transactional"}
    [found] = store.events(types=["list_unsubscribe"])
    assert found.event.data == {"recv_method": "esmtp", "mailfrom": "alice@example.net"}


def test_what_is_told_twice_is_there_once(store: Store) -> None:
    copy = accepted(store)
    for _ in range(2):
        store.record(records.bounce(copy, failure(), now()))
        store.record(records.complaint(copy, COMPLAINT, "fbl@x", now()))
        store.record(records.unsubscribe(copy, "", now()))
    told = sorted(found.event.type for found in store.events() if found.event.type != "injection")
    assert told == ["list_unsubscribe", "out_of_band", "spam_complaint"]
