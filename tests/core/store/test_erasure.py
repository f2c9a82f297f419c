"""Whoever is erased is found nowhere in the files of the store, and everything is counted as before."""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from estafeta_core import statistics
from estafeta_core.store import Store, open_store
from estafeta_core.store.erasure import ERASED, TEXTS, Erased, Erasure
from estafeta_core.store.rows import (
    Contact,
    Content,
    Event,
    File,
    Forget,
    Group,
    GroupContact,
    Message,
    Row,
    Suppression,
    Tag,
    TokenEvent,
    Transmission,
    Unsubscribed,
)
from estafeta_core.store.store import backend
from estafeta_testing.stored import IDS, look, make_rows

ALICE = "alice@example.net"
BOTH = ("transactional", "non_transactional")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with contextlib.closing(open_store(url, checkpoints=True)) as opened:
        yield opened


def erase(url: str, address: str = ALICE, account: str | None = None, *, all_: bool = False) -> Erased:
    erasure = Erasure(backend(url), address, account)
    return erasure.run(forget_suppressions=all_)


def event(message: Message, kind: str, account: str = "acme", **data: object) -> Event:
    return Event(IDS.next(), kind, 1, message.transmission_id, message.message_id, account, None, dict(data))


def sent(store: Store, *recipients: str, account: str = "acme") -> tuple[Transmission, list[Message]]:
    rows = make_rows(*recipients, account=account)
    assert isinstance(rows[0], Transmission)
    rows[0] = replace(
        rows[0],
        subject=f"For {recipients[0].title()}",
        metadata={"to": recipients[0], recipients[0]: ["x", {"y": recipients[0].upper()}]},
        tags=("a", recipients[0]),
        campaign_id=f"camp {recipients[0]}",
    )
    store.record(rows)
    return rows[0], [row for row in rows if isinstance(row, Message)]


def fill(store: Store, address: str = ALICE, account: str = "acme") -> tuple[Transmission, list[Message]]:
    """Put an address into every column that may hold one."""
    transmission, messages = sent(store, address, "bob@example.net", account=account)
    mine, other = messages
    said = f"550 5.1.1 <{address}>: no such user"
    rows: list[Row] = [
        event(
            mine,
            "bounce",
            account,
            bounce_class="10",
            error_code="550",
            reason=said,
            raw_reason=said,
            ip_address="9",
        ),
        event(
            mine,
            "open",
            account,
            ip_address="192.0.2.77",
            user_agent="Browser of hers",
            geo_ip={"city": "Bilbao"},
        ),
        event(
            mine, "click", account, target_link_url=f"https://x.example/?u={address}", target_link_name="name"
        ),
        event(mine, "link_unsubscribe", account, ip_address="192.0.2.77"),
        event(other, "bounce", account, bounce_class="10", raw_reason=f"forwarded to <{address}>"),
        Contact(account, address, 1),
        Contact(account, "bob@example.net", 1),
        Group(IDS.next(), account, f"SMTP {address}", transmission.transmission_id, 1),
        Tag(account, f"tag-{address}"),
        Tag(account, "plain"),
        File(account, f"digest of {account}", 9, 1),
        Content(transmission.transmission_id, mine.message_id, account, f"digest of {account}", "", 1),
        *(Suppression(account, None, address, kind, "Bounce Rule", said, 1) for kind in BOTH),
        Suppression(account, None, "bob@example.net", "transactional", "", f"see {address}", 1),
    ]
    group = rows[7]
    assert isinstance(group, Group)
    store.record(
        [*rows, GroupContact(group.group_id, address), GroupContact(group.group_id, "bob@x.example")]
    )
    return transmission, messages


def found_in(folder: Path, text: str) -> list[str]:
    """Return the files of the store that have the text in any case."""
    files = sorted(folder.glob("estafeta.db*"))
    return [path.name for path in files if text.lower().encode() in path.read_bytes().lower()]


@pytest.mark.sqlite
def test_the_address_is_found_nowhere_in_the_files(store: Store, url: str, tmp_path: Path) -> None:
    for number in range(300):  # pages that are divided, merged and left by others around
        sent(store, f"user{number}@example.net", ALICE)
        fill(store)
    assert found_in(tmp_path, ALICE) != []
    erased = erase(url, all_=True)
    assert erased.purged
    assert erased.counts["messages"] == 600
    assert found_in(tmp_path, ALICE) == []
    assert found_in(tmp_path, "192.0.2.77") == []
    assert found_in(tmp_path, "Browser of hers") == []
    assert found_in(tmp_path, "bob@example.net") == ["estafeta.db"]
    connection = sqlite3.connect(tmp_path / "estafeta.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


@pytest.mark.sqlite
def test_what_was_taken_out_before_leaves_nothing_in_free_pages_either(
    store: Store, url: str, tmp_path: Path
) -> None:
    store.record([Contact("acme", f"someone.{number}@example.net", number) for number in range(5000)])
    store.record([Forget("contacts", 2500, 5000)])
    erase(url, "nobody@example.net")
    assert found_in(tmp_path, "someone.2499@example.net") == []
    assert found_in(tmp_path, "someone.2500@example.net") == ["estafeta.db"]


def test_the_suppression_stays_unless_it_is_to_be_forgotten(store: Store, url: str) -> None:
    fill(store)
    assert "suppressions" not in erase(url).counts
    assert store.is_suppressed("acme", None, [ALICE], BOTH) == {ALICE}
    rows = look(url, "SELECT recipient, description FROM suppressions ORDER BY 1, type")
    said = f"550 5.1.1 <{ALICE}>: no such user"
    assert rows == [(ALICE, said), (ALICE, said), ("bob@example.net", f"see {ERASED}")]
    assert erase(url, all_=True).counts["suppressions"] == 2
    assert store.is_suppressed("acme", None, [ALICE], BOTH) == set()


def test_d21_what_is_counted_stays_counted(store: Store, url: str) -> None:
    fill(store)
    now = 2**62
    before = store.fates("acme", 0, now)
    erase(url)
    assert store.fates("acme", 0, now) == before
    assert statistics.metrics(before)["count_unsubscribe"] == 1


def test_events_keep_what_says_nothing_about_the_person(store: Store, url: str) -> None:
    transmission, (mine, other) = fill(store)
    erase(url)
    found = store.find(str(transmission.transmission_id))
    assert found is not None
    assert [message.rcpt_to for message in found.messages] == [ERASED, "bob@example.net"]
    bounces = {each.message_id: each.data for each in found.events if each.type == "bounce"}
    assert bounces[mine.message_id] == {"bounce_class": "10", "error_code": "550"}
    assert bounces[other.message_id]["raw_reason"] == f"forwarded to <{ERASED}>"
    assert found.transmission.metadata == {"to": ERASED, ERASED: ["x", {"y": ERASED}]}
    assert found.transmission.subject == f"For {ERASED}"


def test_other_people_and_other_accounts_stay_as_they_are(store: Store, url: str) -> None:
    sent(store, "malice@example.net", "alice@example.net.au")
    fill(store, account="other")
    before = dump(url)
    assert erase(url, account="acme").counts == {}
    assert dump(url) == before
    erase(url)
    texts = dump(url)
    assert "malice@example.net" in texts
    assert "alice@example.net.au" in texts


def test_it_may_be_repeated_and_any_spelling_of_the_mailbox_does(store: Store, url: str) -> None:
    transmission, _ = sent(store, "ALICE@example.NET")
    assert erase(url, "Alice@EXAMPLE.net").counts["messages"] == 1
    before = dump(url)
    assert erase(url).counts == {}
    assert dump(url) == before
    assert [each.raw_rcpt_to for each in store.messages(transmission.transmission_id)] == [ERASED]


def test_addresses_that_are_not_ascii_are_erased_in_both_forms(store: Store, url: str) -> None:
    address = "josé@español.example"
    transmission, _ = sent(store, address)
    erase(url, address)
    found = store.transmission(transmission.transmission_id)
    assert found is not None
    assert found.metadata["to"] == ERASED
    assert "espa\\\\u00f1ol" not in dump(url)


def test_what_the_person_does_with_old_mail_afterwards_is_not_recorded(store: Store, url: str) -> None:
    _, (message, *_) = sent(store, ALICE)
    erase(url)
    late = TokenEvent(
        IDS.next(), "click", 5, message.message_id, shared=False, data={"ip_address": "192.0.2.9"}
    )
    store.record([late, Unsubscribed(message.message_id, "List Unsubscribe", 5)])
    assert store.events(types=["click"]) == []
    assert not store.is_suppressed("acme", None, [ERASED], BOTH)


@pytest.mark.sqlite
def test_every_column_of_text_in_the_schema_is_thought_of(store: Store, url: str, tmp_path: Path) -> None:
    store.record(make_rows())
    harmless = {
        # names and numbers of ours, of the operator and of Postfix
        *(
            "account",
            "credential",
            "subaccount",
            "dialect",
            "listener",
            "customer_id",
            "queue_id",
            "original",
        ),
        *("type", "rcpt_type", "source", "digest", "charset", "language", "log", "counter", "label"),
        *("leases.name", "leases.node"),
        # what an account itself has set up, and what became of its posts
        *("webhook_id", "webhooks.name", "webhooks.target", "webhooks.events", "webhooks.exceptions"),
        *("webhooks.settings", "webhooks.secret", "webhook_batches.event_ids", "webhook_batches.state"),
        *("webhook_batches.failure", "credential_suspensions.reason"),
        *("account_entries.kind", "account_entries.entry"),
        *(f"domain_checks.{name}" for name in ("domain", "key", "challenge", "state", "answer")),
        # handled one by one
        *("messages.rcpt_to", "messages.raw_rcpt_to", "contacts.address", "group_contacts.address"),
        *("tags.tag", "suppressions.recipient", "suppressions.description"),
    }
    handled = {f"{texts.table}.{column}" for texts in TEXTS for column in (*texts.plain, *texts.json)}
    with contextlib.closing(sqlite3.connect(tmp_path / "estafeta.db")) as connection:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
        columns = [
            f"{table}.{name}"
            for table in tables
            for _, name, kind, *_ in connection.execute(f"PRAGMA table_info({table})")
            if kind == "TEXT"
        ]
    assert [
        each for each in columns if each not in handled | harmless and each.split(".")[1] not in harmless
    ] == []


TABLES = ("transmissions", "messages", "events", "contents", "contacts", "groups", "group_contacts", "tags")


def dump(url: str) -> str:
    """Return every row that may name a person."""
    tables = (*TABLES, "suppressions", "files")
    return "\n".join(
        str(row) for table in tables for row in sorted(look(url, f"SELECT * FROM {table}"), key=str)
    )
