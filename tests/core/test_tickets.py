from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core.config.schema import Config
from estafeta_core.tickets import LIFETIME, Ticket, Tickets
from estafeta_core.tokens import subkey

NOW = 1_795_000_000
KEY, OTHER = b"k" * 32, b"o" * 32
TICKET = Ticket(NOW, "plan/usuario", "teenvio-ssl", "192.0.2.1", secured=True)
VALUE = Tickets([KEY]).write(TICKET).encode()


@pytest.mark.parametrize(
    "ticket",
    [
        TICKET,
        replace(TICKET, secured=False),
        replace(TICKET, identity="acme/main/123", client_address="2001:db8::1"),
        replace(TICKET, client_address="unknown"),
    ],
)
def test_what_was_written_is_read(ticket: Ticket) -> None:
    tickets = Tickets([KEY])
    assert tickets.read(tickets.write(ticket).encode(), NOW) == ticket


def test_a_ticket_is_one_line_that_a_person_can_read() -> None:
    said, _, mac = VALUE.decode().rpartition(" ")
    assert said == f"{NOW} plan/usuario teenvio-ssl 192.0.2.1 tls"
    assert len(mac) == 32


@given(st.integers(0, len(VALUE) - 1), st.integers(1, 255))
def test_no_byte_of_it_can_be_another(place: int, change: int) -> None:
    altered = bytearray(VALUE)
    altered[place] ^= change
    assert Tickets([KEY]).read(bytes(altered), NOW) is None


@given(st.binary(max_size=200))
def test_anything_else_is_no_ticket_and_raises_nothing(value: bytes) -> None:
    assert Tickets([KEY]).read(value, NOW) is None


@pytest.mark.parametrize(("age", "valid"), [(0, True), (LIFETIME, True), (LIFETIME + 1, False)])
def test_it_holds_for_an_hour_by_a_clock_that_may_have_been_set(age: int, *, valid: bool) -> None:
    for now in (NOW + age, NOW - age):
        assert (Tickets([KEY]).read(VALUE, now) is not None) == valid


def test_any_key_of_the_configuration_verifies_and_the_first_signs() -> None:
    assert Tickets([OTHER, KEY]).read(VALUE, NOW) == TICKET
    assert Tickets([OTHER]).read(VALUE, NOW) is None
    assert Tickets([OTHER, KEY]).write(TICKET) == Tickets([OTHER]).write(TICKET)


def test_without_a_key_nothing_is_a_ticket() -> None:
    assert Tickets([]).read(VALUE, NOW) is None


def test_what_the_same_key_signs_for_another_use_is_no_ticket() -> None:
    assert Tickets([subkey(KEY, b"job")]).read(VALUE, NOW) is None
    assert Tickets([subkey(KEY, b"ticket")]).read(VALUE, NOW) is None


def test_the_keys_are_those_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "link.key").write_bytes(KEY)
    config = Config(
        hostname="mx.example.com",
        base_url="https://click.example.com",
        bounce_domain="bounce.example.com",
        listeners={},
        signing_keys=(tmp_path / "link.key",),
    )
    assert Tickets.from_config(config).read(VALUE, NOW) == TICKET
