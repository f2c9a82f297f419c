"""Questions of a check go out together and end in time."""

import asyncio
import time
from pathlib import Path

import pytest

from estafeta_postfix.checks import asking as checks
from estafeta_postfix.checks.asking import Asking, answered
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.setup import Setup
from estafeta_testing.name_server import NameServer

FOUND = Finding("note", "found", "a", "b", "c")


def test_what_the_host_is_reached_at_and_what_mail_leaves_from(server: NameServer, asking: Path) -> None:
    server.publish("example.com", "mx A 192.0.2.1", "mx A 10.0.0.1", "mx AAAA 2001:db8::1")
    setup = Setup(asking)

    async def both() -> tuple[list[str], list[tuple[str, str]]]:
        made = Asking(setup.config)
        return await made.own(), await made.outgoing()

    own, outgoing = asyncio.run(both())
    assert sorted(own) == ["10.0.0.1", "192.0.2.1", "192.0.2.10", "2001:db8::1"]
    assert sorted(outgoing) == [
        ("192.0.2.1", "mx.example.com"),
        ("192.0.2.10", "a.example.com"),
        ("2001:db8::1", "mx.example.com"),
    ]


async def found() -> list[Finding]:
    return [FOUND]


async def never() -> list[Finding]:
    await asyncio.Event().wait()
    return []


def test_what_does_not_end_in_time_is_told_and_hides_nothing(
    asking: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "LIMIT", 0.2)
    began = time.monotonic()
    first, late = answered(Setup(asking).config, lambda _: [never(), found(), never()])
    assert first == FOUND
    assert (late.code, late.reason) == ("dns-late", "2 questions were not answered within 0.2 s")
    assert time.monotonic() - began < 10
    assert answered(Setup(asking).config, lambda _: []) == []


def test_names_that_nobody_can_tell_of_are_told_once(server: NameServer, asking: Path) -> None:
    async def ask(made: Asking, name: str) -> list[Finding]:
        return [FOUND] if (await made.addresses(name)).records else []

    names = ("a.refused.test", "b.refused.test", "a.refused.test")
    (told,) = answered(Setup(asking).config, lambda made: [ask(made, name) for name in names])
    assert (told.severity, told.code, told.subject) == ("warning", "dns-unknown", "a.refused.test")
    assert "REFUSED (2 names could not be looked up)" in told.reason


def test_names_for_examples_are_not_looked_up(config: Path) -> None:
    async def ask(made: Asking, name: str) -> list[Finding]:
        return [FOUND] if (await made.addresses(name)).records else []

    names = ("b.Example", "a.test", "a.test")
    (told,) = answered(Setup(config).config, lambda made: [ask(made, name) for name in names])
    assert (told.severity, told.code, told.subject) == ("note", "dns-reserved", "a.test")
    assert "(2 such names" in told.reason


def test_a_dead_name_server_costs_one_time_limit_and_not_one_for_each_name(
    server: NameServer, asking: Path
) -> None:
    async def ask(made: Asking, number: int) -> list[Finding]:
        await made.addresses(f"n{number}.example.com")
        return []

    began = time.monotonic()
    with server.silent():
        (told,) = answered(Setup(asking).config, lambda made: [ask(made, number) for number in range(20)])
    assert "no answer within 1 s (20 names" in told.reason
    assert time.monotonic() - began < 10
