"""Inputs that once broke a parser, a few mutants through every target and over SMTP; and a fuzzer that finds.

`make fuzz` looks for new ones: by coverage, or with as many mutants as wanted (tests/fuzz/).
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

import pytest

from estafeta_fuzz import http, mutants, seeds, smtp
from estafeta_fuzz.mutate import mutate
from estafeta_fuzz.targets import TARGETS, BrokenError
from estafeta_testing.relay import Relay

SEED = 20261130
KEPT = [(name, file) for name in TARGETS for file in seeds.kept(name)]
OVER_SMTP = seeds.kept("smtp")


@pytest.mark.parametrize(("name", "file"), KEPT, ids=[f"{name}-{file}" for name, file in KEPT])
def test_an_input_that_broke_a_promise_breaks_none_now(name: str, file: str) -> None:
    TARGETS[name].run(seeds.kept(name)[file])


@pytest.mark.parametrize("name", TARGETS)
def test_r4_mutants_break_no_promise(name: str) -> None:
    tally = mutate(TARGETS[name], count=100, seed=SEED)
    assert not tally.found, tally.found[0][1]
    assert tally.tried == 100


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_keeps_the_promise(name: str) -> None:
    for data in islice(TARGETS[name].seeds(), 200):
        TARGETS[name].run(data)


def test_r4_mutants_over_smtp_are_taken_or_refused_for_good_and_harm_nobody(relay: Relay) -> None:
    answers = smtp.send(relay, 120, SEED, lambda _: None)
    assert not answers.faults, answers.faults[0]
    assert answers.accepted + answers.refused == 120
    assert min(answers.accepted, answers.refused) >= 10, "both happen"
    assert smtp.harm(relay) == []


def test_r4_mutants_of_requests_are_answered_below_500_and_harm_nobody(relay: Relay) -> None:
    answers = http.send(relay, 100, SEED, lambda _: None)
    assert not answers.faults, answers.faults[0]
    assert answers.tried == 100
    assert {200, 302, 400} <= answers.statuses.keys(), "some pass, some are refused"
    assert smtp.harm(relay) == []


def test_a_seed_makes_the_same_mutants_again() -> None:
    def made(seed: int) -> list[bytes]:
        return list(islice(mutants.mutants([b"a: b\r\n\r\nc", b"<a href='x'>"], random.Random(seed)), 200))

    assert made(7) == made(7)
    assert made(7) != made(8)
    assert smtp.messages(20, 7) == smtp.messages(20, 7)


def _raises(data: bytes) -> None:
    if b"\0" in data:
        raise ValueError("a NUL")


def _is_slow(data: bytes) -> None:
    if b"\0" in data:
        sum(range(30_000_000))


@pytest.mark.parametrize(("check", "why"), [(_raises, "ValueError: a NUL"), (_is_slow, "are allowed")])
def test_a_parser_that_breaks_its_promise_is_found(check: Callable[[bytes], None], why: str) -> None:
    def two() -> Iterator[bytes]:
        yield b"a: b\r\n\r\nc"
        yield b"d: e\r\n\r\nf"

    tally = mutate(replace(TARGETS["words"], check=check, seeds=two), count=200, seed=SEED, seconds=2)
    assert tally.found
    assert why in tally.found[0][1]
    again = replace(TARGETS["words"], check=check)
    with pytest.raises((ValueError, BrokenError)):
        again.run(tally.found[0][0])
