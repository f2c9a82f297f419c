from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from estafeta_core import secrets
from estafeta_core.config.accounts import Account, Limits
from estafeta_core.config.accounts import Credential as Settings
from estafeta_core.config.schema import Config, Listener
from estafeta_core.directory import Directory
from estafeta_core.refusal import Refusal
from estafeta_core.tickets import Ticket
from estafeta_policy import held, judge
from estafeta_policy.judge import Connections, Judge, UndecidableError
from estafeta_policy.limits import Counters
from estafeta_policy.wire.delegation import Request

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CONFIG = Config(
    hostname="mx.example.com",
    base_url="https://click.example.com",
    bounce_domain="bounce.example.com",
    signing_keys=(Path("link.key"),),
    listeners={
        "submission": Listener(dialects=("sparkpost",), port=587, recipients_per_message=3),
        "teenvio": Listener(dialects=("teenvio",), port=2500),
        "devino": Listener(dialects=("devino", "emitlo"), port=465),  # the first speaks
        "two": Listener(dialects=("sparkpost",), port=588, messages_per_connection=2),
    },
)
RCPT = Request(
    request="smtpd_access_policy",
    protocol_state="RCPT",
    client_address="192.0.2.1",
    client_port="40000",
    sender="news@acme.example",
    recipient="rcpt@example.net",
    sasl_username="acme/main",
    encryption_protocol="TLSv1.3",
    instance="1.0",
    policy_context="submission",
)


def ask(**changes: str) -> Request:
    return msgspec.structs.replace(RCPT, **changes)


def directory(
    settings: Settings | None = None, limits: Limits | None = None, domain_limits: Limits | None = None
) -> Directory:
    settings = msgspec.structs.replace(settings or Settings(), key=secrets.hash_key("k" * 48))
    account = Account(
        account="acme",
        dialect="sparkpost",
        credentials={"main": settings},
        limits=limits or Limits(),
        domain_limits=domain_limits or Limits(),
    )
    return Directory([account])


def judging(accounts: Directory | None = None, clock: Callable[[], datetime] = lambda: NOW) -> Judge:
    return Judge(CONFIG, accounts or directory(), Counters(), Connections(), clock)


def answer(judging: Judge, request: Request, now: float = 0.0) -> str:
    refusal = judging.decide(request, now)
    return str(refusal) if refusal else "ok"


def test_a_recipient_of_somebody_logged_in_passes() -> None:
    assert answer(judging(), RCPT) == "ok"


@pytest.mark.parametrize("state", ["CONNECT", "EHLO", "MAIL", "DATA", "END-OF-MESSAGE", "VRFY", "ETRN", ""])
def test_only_rcpt_is_judged(state: str) -> None:
    assert answer(judging(), ask(protocol_state=state, sasl_username="", policy_context="")) == "ok"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sasl_username": ""}, "530 5.7.0 Authentication required"),
        ({"sasl_username": "", "policy_context": "teenvio"}, "530 Authentication required"),
        (
            {"sasl_username": "", "policy_context": "devino"},
            "554 Transaction failed: Must authenticate before sending mail",
        ),
        ({"sasl_username": "acme/main/9"}, "535 5.7.8 Unknown subaccount"),
        ({"sender": ""}, "ok"),
        ({"sender": "not an address"}, "553 5.1.7 Bad sender address syntax"),
        ({"sender": "caf\udce9@acme.example"}, "553 5.1.7 Bad sender address syntax"),
        ({"recipient": ""}, "ok"),  # the milter refuses it, in the provider's words
        ({"recipient": "a@b@example.net"}, "ok"),
        ({"recipient": "a@b@example.net", "sender": "a b"}, "553 5.1.7 Bad sender address syntax"),
    ],
)
def test_each_refusal_has_its_code(changes: dict[str, str], said: str) -> None:
    assert answer(judging(), ask(**changes)) == said


@pytest.mark.parametrize(
    "changes",
    [
        {"sasl_username": "acme/deleted"},
        {"policy_context": "nowhere"},
        {"policy_context": ""},
        {"request": ""},
        {"sasl_username": "somebody else's user name"},
    ],
)
def test_what_the_configuration_does_not_know_is_undecidable(changes: dict[str, str]) -> None:
    with pytest.raises(UndecidableError):
        judging().decide(ask(**changes), 0)


def test_the_address_and_tls_count_as_at_auth() -> None:
    accounts = directory(Settings(require_tls=True, allow_from=("192.0.2.0/24",)))
    assert answer(judging(accounts), RCPT) == "ok"
    assert answer(judging(accounts), ask(encryption_protocol="")) == "535 5.7.8 Credential requires TLS"
    assert answer(judging(accounts), ask(client_address="203.0.113.1")).startswith("535 5.7.8 ")


def test_a_credential_that_expires_stops_within_a_second() -> None:
    clock = [NOW]
    accounts = directory(Settings(expires=NOW + timedelta(seconds=10)))
    deciding = judging(accounts, lambda: clock[0])
    assert answer(deciding, RCPT, 0) == "ok"
    clock[0] += timedelta(seconds=10)
    assert answer(deciding, RCPT, held.HOLDS) == "535 5.7.8 Credential expired"


def test_the_standings_that_are_held_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "MAX_HELD", 2)
    deciding = judging()
    for number in range(5):
        assert answer(deciding, ask(client_address=f"192.0.2.{number}")) == "ok"


def test_recipients_are_counted_per_message() -> None:
    deciding = judging()
    assert [answer(deciding, RCPT) for _ in range(4)] == ["ok"] * 3 + ["452 4.5.3 Too many recipients"]
    assert answer(deciding, ask(instance="1.1")) == "ok"
    assert answer(deciding, ask(instance="1.2", client_port="40001")) == "ok"


def test_a_recipient_that_the_milter_will_refuse_takes_no_place_in_the_message() -> None:
    deciding = judging()
    for _ in range(5):
        assert answer(deciding, ask(recipient="bad")) == "ok"
    assert [answer(deciding, RCPT) for _ in range(3)] == ["ok"] * 3


def test_messages_are_counted_per_connection_and_the_surplus_closes_it() -> None:
    deciding = judging()
    said = [
        answer(deciding, ask(policy_context="two", instance=f"1.{number}")) for number in (0, 0, 1, 1, 2, 3)
    ]
    assert said[:4] == ["ok"] * 4
    assert said[4:] == ["421 4.7.0 Too many messages in this connection, reconnect"] * 2
    assert answer(deciding, ask(policy_context="two", instance="1.4", client_port="40001")) == "ok"


def test_a_port_that_was_quiet_longer_than_postfix_waits_is_another_connection() -> None:
    deciding = judging()
    for number in range(3):
        answer(deciding, ask(policy_context="two", instance=f"1.{number}"), 0)
    assert answer(deciding, ask(policy_context="two", instance="2.0"), 61) == "ok"


def test_without_an_instance_there_is_nothing_to_count_by() -> None:
    deciding = judging()
    assert [answer(deciding, ask(instance="")) for _ in range(10)] == ["ok"] * 10


def test_memory_of_connections_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "MAX_CONNECTIONS", 3)
    connections = Connections()
    for port in range(10):
        connections.current(ask(client_port=str(port)), CONFIG.listeners["two"], 0)
    assert len(connections) == 3


LIMITED = "451 4.7.1 Per-minute rate limit exceeded. Retry after 60 seconds."


def each(number: int, **changes: str) -> Request:
    return ask(instance=f"{number}.0", **changes)


def test_e11_a_credential_has_its_limit() -> None:
    deciding = judging(directory(Settings(limits=Limits(per_minute=2))))
    assert [answer(deciding, each(number)) for number in range(3)] == ["ok", "ok", LIMITED]
    assert answer(deciding, each(3), 60) == "ok"


def test_e10_e11_an_account_has_its_limit() -> None:
    deciding = judging(directory(limits=Limits(per_minute=1)))
    assert [answer(deciding, each(number)) for number in range(2)] == ["ok", LIMITED]


def test_each_sender_domain_has_its_limit() -> None:
    deciding = judging(directory(domain_limits=Limits(per_minute=1)))
    senders = ["a@one.example", "b@ONE.example", "a@two.example", "", ""]
    said = [answer(deciding, each(number, sender=sender)) for number, sender in enumerate(senders)]
    assert said == ["ok", LIMITED, "ok", "ok", "ok"]


def test_senders_without_end_take_no_memory_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "MAX_SENDERS", 3)
    deciding = judging(directory(domain_limits=Limits(per_minute=10)))
    said = [answer(deciding, each(number, sender=f"a{number}@one.example")) for number in range(11)]
    assert said == ["ok"] * 10 + [LIMITED]


def test_g5_a_recipient_refused_for_anything_else_does_not_count() -> None:
    deciding = judging(directory(Settings(limits=Limits(per_minute=1))))
    for number in range(5):
        assert answer(deciding, each(number, recipient="bad")) == "ok"
        assert answer(deciding, each(number, sender="a b")) != "ok"
    assert answer(deciding, each(6)) == "ok"
    assert answer(deciding, each(7)) == LIMITED


def test_a_reload_keeps_what_has_been_counted() -> None:
    accounts = directory(Settings(limits=Limits(per_minute=1)))
    counters, connections = Counters(), Connections()
    before = Judge(CONFIG, accounts, counters, connections, lambda: NOW)
    after = Judge(CONFIG, accounts, counters, connections, lambda: NOW)
    assert [answer(before, each(1)), answer(after, each(2))] == ["ok", LIMITED]


def added(total: int, counted: int = 1, **changes: str) -> Request:
    """Return the milter's question about a message of so many recipients."""
    return ask(
        protocol_state="END-OF-MESSAGE",
        recipient="",
        client_address="",
        instance="",
        recipient_count=str(total),
        recipients_counted=str(counted),
        **changes,
    )


def test_recipients_that_lists_add_are_counted_together_with_those_of_rcpt() -> None:
    deciding = judging(directory(Settings(limits=Limits(per_minute=10))))
    assert [answer(deciding, each(0)), answer(deciding, added(8))] == ["ok", "ok"]
    assert [answer(deciding, each(1)), answer(deciding, added(3)), answer(deciding, added(2))] == [
        "ok",
        LIMITED,
        "ok",
    ]
    assert answer(deciding, each(2)) == LIMITED


@pytest.mark.parametrize("limited", ["settings", "limits", "domain_limits"])
def test_recipients_that_lists_add_fall_under_every_limit(limited: str) -> None:
    two = Limits(per_hour=20)
    accounts = {
        "settings": directory(Settings(limits=two)),
        "limits": directory(limits=two),
        "domain_limits": directory(domain_limits=two),
    }[limited]
    deciding = judging(accounts)
    assert [answer(deciding, added(16)), answer(deciding, each(1))] == ["ok", "ok"]
    assert answer(deciding, added(6)) == "451 4.7.1 Per-hour rate limit exceeded. Retry after 3600 seconds."


def test_a_message_that_no_window_holds_is_refused_for_good_and_counts_nothing() -> None:
    deciding = judging(directory(Settings(limits=Limits(per_minute=10, per_day=9))))
    said = "550 5.5.3 Too many recipients: 10 in one message, and the per-day limit is 9"
    assert answer(deciding, each(0)) == "ok"
    assert answer(deciding, added(10)) == said, "the nine of the lists would fit, but for those of RCPT TO"
    assert answer(deciding, added(9)) == "ok"


def test_at_its_end_postfix_may_ask_about_a_message_whose_recipients_were_all_counted() -> None:
    deciding = judging(directory(Settings(limits=Limits(per_minute=1))))
    theirs = ask(protocol_state="END-OF-MESSAGE", recipient="", recipient_count="50")
    assert [answer(deciding, theirs) for _ in range(3)] == ["ok"] * 3


@pytest.mark.parametrize(
    "changes",
    [
        {"recipient_count": "1"},
        {"recipient_count": ""},
        {"recipient_count": "-5"},
        {"recipients_counted": "many"},
        {"recipient_count": "9" * 5000},
        {"recipient_count": "\u0665"},
        {"sasl_username": ""},
        {"sasl_username": "acme/deleted"},
    ],
)
def test_what_does_not_say_how_many_recipients_of_whom_there_are_is_undecidable(
    changes: dict[str, str],
) -> None:
    deciding = judging(directory(Settings(limits=Limits(per_minute=1))))
    with pytest.raises(UndecidableError):
        deciding.decide(msgspec.structs.replace(added(5), **changes), 0)


RECEIPTS = msgspec.structs.replace(
    CONFIG, listeners={"teenvio": Listener(dialects=("teenvio",), port=2500, receipt=True)}
)
FIRST = ask(policy_context="teenvio")
TICKET = Ticket(int(NOW.timestamp()), "acme/main", "teenvio", "192.0.2.1", secured=True)


def test_on_a_listener_that_gives_receipts_the_first_recipient_earns_the_ticket() -> None:
    judging = Judge(RECEIPTS, directory(), Counters(), Connections(), lambda: NOW)
    assert judging.decide(FIRST, 0.0) == TICKET
    assert judging.decide(FIRST, 0.0) is None, "there is one ticket a message"
    assert judging.decide(msgspec.structs.replace(FIRST, instance="1.1"), 0.0) == TICKET
    clear = msgspec.structs.replace(FIRST, instance="1.2", encryption_protocol="")
    assert judging.decide(clear, 0.0) == replace(TICKET, secured=False)


def test_a_recipient_that_is_refused_earns_no_ticket_and_the_next_one_does() -> None:
    accounts = directory(limits=Limits(per_minute=1))
    judging = Judge(RECEIPTS, accounts, Counters(), Connections(), lambda: NOW)
    nobody = msgspec.structs.replace(FIRST, sasl_username="")
    assert judging.decide(nobody, 0.0) == Refusal(530, "", "Authentication required")
    assert judging.decide(FIRST, 0.0) == TICKET
    assert isinstance(judging.decide(msgspec.structs.replace(FIRST, instance="1.1"), 0.0), Refusal)
