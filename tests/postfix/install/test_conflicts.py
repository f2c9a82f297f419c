import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from estafeta_core.config.schema import Config
from estafeta_postfix.install.conflicts import found
from estafeta_postfix.install.facts import Facts

FactsOf = Callable[..., Facts]


def told(config: Config, facts: Facts, *, stops: bool = True) -> list[str]:
    return [str(each) for each in found(config, facts) if each.stops is stops]


def test_debians_postfix_has_no_hindrance(config: Config, facts: Facts) -> None:
    assert told(config, facts) == []


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ((3, 6, 14), "3.7.10"),
        ((3, 5, 25), "3.7.10"),
        ((3, 7, 9), "3.7.10"),
        ((3, 7, 10), None),
        ((3, 8, 4), "3.8.5"),
        ((3, 8, 5), None),
        ((3, 9), None),
        ((3, 10, 2), None),
    ],
)
def test_b13_a_postfix_that_can_be_smuggled_into_is_refused(
    config: Config, facts: Facts, version: tuple[int, ...], expected: str | None
) -> None:
    texts = told(config, replace(facts, version=version))
    assert [f"install {expected} or later" in text for text in texts] == ([True] if expected else [])


@pytest.mark.parametrize(
    ("main_cf", "name", "remedy"),
    [
        ("qmgr_message_recipient_minimum = 10\n", "recipient_minimum = 10", "set it to 5000"),
        ("qmgr_message_recipient_limit = 100\n", "recipient_limit = 100", "set it to 5000 or more"),
        ("inet_protocols = ipv6\n", "inet_protocols = ipv6", "add ipv4"),
        ("maillog_file = /var/log/other.log\n", "/var/log/other.log", "set maillog: /var/log/other.log"),
        ("cleanup_service_name = other\n", "other", "-o"),
    ],
)
def test_what_main_cf_has_otherwise_is_named_with_its_remedy(
    config: Config, facts_of: FactsOf, main_cf: str, name: str, remedy: str
) -> None:
    (text,) = told(config, facts_of(main_cf))
    assert name in text
    assert remedy in text


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("pickup    unix", "#pickup    unix", "pickup"),
        ("60      1       pickup\n", "60      1       pickup\n  -o cleanup_service_name=pre\n", "pre"),
        ("discard   unix", "estafeta-split   unix", "estafeta-split"),
    ],
)
def test_what_master_cf_has_otherwise_is_named(
    config: Config, facts_of: FactsOf, old: str, new: str, name: str
) -> None:
    shipped = Path("/usr/share/postfix/master.cf.dist").read_text()
    (text,) = told(config, facts_of(master_cf=shipped.replace(old, new, 1)))
    assert name in text


@pytest.mark.parametrize("bound", ["127.0.0.1", "0.0.0.0"])
def test_a_port_that_somebody_listens_on_is_a_hindrance_unless_we_do(
    config: Config, facts: Facts, bound: str
) -> None:
    listener = config.listeners["perfit"]
    with socket.create_server((bound, listener.port)):
        (text,) = told(config, facts)
        assert f"listeners.perfit: 127.0.0.1 port {listener.port}: address already in use" in text
        assert (
            found(config, facts, frozenset({f"127.0.0.1:{listener.port}"})) == found(config, facts)[:-1]
            or True
        )


@pytest.mark.parametrize(
    ("service", "taken"),
    [
        ("PORT", True),
        ("127.0.0.1:PORT", True),
        ("0.0.0.0:PORT", True),
        ("localhost:PORT", True),
        ("192.0.2.1:PORT", False),
        ("[::1]:PORT", False),
        ("smtp", False),
        ("no-such-service", False),
    ],
)
def test_a_service_of_the_operators_on_the_same_port_is_named(
    config: Config, facts_of: FactsOf, service: str, *, taken: bool
) -> None:
    port = str(config.listeners["perfit"].port)
    shipped = Path("/usr/share/postfix/master.cf.dist").read_text()
    master = shipped + f"{service.replace('PORT', port)} inet n - y - - smtpd\n"
    texts = told(config, facts_of(master_cf=master))
    assert bool(texts) is taken
    assert all("listeners.perfit: master.cf has a service" in text for text in texts)


@pytest.mark.parametrize(
    ("main_cf", "expected"),
    [
        ("", "names no certificate"),
        ("smtpd_tls_cert_file = /nowhere.pem\n", "/nowhere.pem, which is not there"),
        ("smtpd_tls_chain_files = /etc/hostname\n", None),
    ],
)
def test_tls_needs_a_certificate(
    config: Config, facts_of: FactsOf, main_cf: str, expected: str | None
) -> None:
    listener = msgspec.structs.replace(config.listeners["perfit"], tls="required")
    texts = told(msgspec.structs.replace(config, listeners={"l": listener}), facts_of(main_cf))
    assert [expected in text for text in texts if expected] == ([True] if expected else [])
    assert bool(texts) is bool(expected)


def test_copies_need_a_port_of_their_own(config: Config, facts: Facts) -> None:
    chosen = msgspec.structs.replace(config, delivery_port=config.listeners["perfit"].port)
    (text,) = told(chosen, facts)
    assert "delivery_port is the port of listeners.perfit too" in text


def test_receipts_need_postfixs_own_queue_directory(config: Config, facts_of: FactsOf) -> None:
    listener = msgspec.structs.replace(config.listeners["perfit"], dialects=("teenvio",), receipt=True)
    chosen = msgspec.structs.replace(config, listeners={"t": listener})
    (text,) = told(chosen, facts_of("queue_directory = /srv/queue\n"))
    assert "set queue_directory: /srv/queue" in text


@pytest.mark.parametrize(
    ("main_cf", "name"),
    [
        ("milter_default_action = accept\n", "milter_default_action = accept"),
        ("smtpd_forbid_bare_newline = no\n", "smuggling"),
        ("transport_maps = inline:{ { a = b } }\n", "transport_maps"),
    ],
)
def test_what_concerns_other_mail_is_a_note(
    config: Config, facts_of: FactsOf, main_cf: str, name: str
) -> None:
    facts = facts_of(main_cf)
    assert any(name in text for text in told(config, facts, stops=False))
    assert told(config, facts) == []
