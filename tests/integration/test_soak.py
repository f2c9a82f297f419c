"""The program of the release tier: its rows are documented, its report tells what broke, its sums are right.

`make soak` runs the rows, for hours. What they send and look at is tried here with a few messages.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from estafeta_soak import report
from estafeta_soak.mail import Senders, accepted, newsletter, others, percentile
from estafeta_soak.readers import Outbox
from estafeta_soak.step import Plan, Row
from estafeta_soak.table import STEPS
from estafeta_soak.walks import FIRST, PER_WALK, take
from estafeta_soak.watch import Sample, Watch, slope, step
from estafeta_testing.documents import ROOT
from estafeta_testing.relay import Relay, wait

PROGRAM = Path(__file__).parents[1] / "soak" / "soak.py"


def plan(**changes: object) -> Plan:
    settings = {"seed": 7, "store": "sqlite", "minutes": None, "share": 1.0, "say": lambda _: None}
    return Plan(**{**settings, **changes})  # type: ignore[arg-type]


def test_every_row_is_documented() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text()
    missing = [step.name for step in STEPS.values() if f"\n| {step.name} |" not in text]
    assert missing == []


def test_the_program_tells_how_it_is_used_and_which_rows_there_are() -> None:
    done = subprocess.run([sys.executable, PROGRAM, "--help"], capture_output=True, text=True, check=True)
    assert "--minutes" in done.stdout
    wrong = subprocess.run(
        [sys.executable, PROGRAM, "--only", "R99"], capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 2
    assert "R5" in wrong.stderr


def test_a_row_is_as_long_as_asked() -> None:
    assert (plan().seconds(3600), plan().count(50_000)) == (3600, 50_000)
    assert (plan(share=0.01).seconds(3600), plan(share=0.01).count(50_000)) == (36, 500)
    assert plan(minutes=2.0).seconds(3600) == 120


def test_a_report_tells_what_holds_and_what_does_not() -> None:
    row = Row("R5", "endurance", "sqlite", 7)
    verdicts: list[str] = [row.verdict]
    row.hold("lost", "0", 0, holds=True)
    verdicts.append(row.verdict)
    row.hold("a | of text", "none", "one\ntwo", holds=False)
    assert [*verdicts, row.verdict] == ["broken", "held", "broken"], "a row that found nothing is broken"
    left = Row("R13", "static", "sqlite", 7, left_out="no network")
    text = report.as_markdown([row, left], "make soak")
    assert "| R5 | endurance | sqlite | 7 | 0 | **broken** |" in text
    assert "| a | of text" not in text
    assert "not run: no network" in text
    assert [each["verdict"] for each in json.loads(report.as_json([row, left]))] == ["broken", "not run"]
    assert "a | of text" in report.as_lines([row])


def test_growth_is_told_from_what_stays() -> None:
    def samples(growth: float) -> list[Sample]:
        times = [60.0 * n for n in range(60)]
        return [Sample(time, 40 + growth * time / 3600, 20, 10, 3, time / 100) for time in times]

    assert slope(samples(12), 600) == pytest.approx(12)
    assert slope(samples(0), 600) == pytest.approx(0)
    assert slope(samples(1)[:2], 0) == 0, "too little to say"
    assert step([10, 10, 11, 10, 17, 16, 18, 17, 17, 17]) == 7
    assert percentile([0.1, 0.2, 0.3, 0.4], 0.99) == 0.4


def test_newsletters_are_sent_taken_and_watched(relay: Relay) -> None:
    outbox = Outbox(relay)
    outbox.look()
    outbox.came.clear()
    watch = Watch(relay)
    first = 900_000_001
    with Senders(relay, newsletter(20, 20), sessions=3, rate=50, count=12, first=first) as senders:
        senders.wait(30)
        watch.look(0.0)
    numbers = {each.number for each in accepted(senders.sent)}
    assert numbers == set(range(first, first + 12)), others(senders.sent)

    def came() -> set[int]:
        outbox.look()
        return {number for number in outbox.came if number >= first}

    wait(came, numbers, "every newsletter is delivered")
    assert set(outbox.came.values()) == {1}
    assert {"click", "open", "initial_open"} <= {kind for kind, _ in outbox.links}
    assert {name.partition("/")[0] for name in watch.samples} >= {"sasl", "policy", "milter", "web", "worker"}
    assert all(sample.rss > 5 for samples in watch.samples.values() for sample in samples)


def test_r14_random_walks_get_the_replies_that_the_model_allows(relay: Relay) -> None:
    first, walks = 4000, 150
    outbox = Outbox(relay)
    outbox.look()
    tally = take(relay, 20261130, walks, lambda _: None, first)
    assert tally.wrong == []
    assert tally.walks == walks
    assert len(tally.expected) >= walks / 5, "enough walks lead to a message"
    expected = {number: len(recipients) for number, recipients in tally.expected.items()}

    def came() -> dict[int, int]:
        outbox.look()
        return {number: count for number, count in outbox.came.items() if number >= FIRST + first * PER_WALK}

    wait(came, expected, "each message comes to each of its recipients once")
