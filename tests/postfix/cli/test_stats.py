import json
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from estafeta_core.statistics import Period, Row
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.stats import bounds, table

Run = Callable[..., Result]
TOTAL = "Всего"  # noqa: RUF001 - these are Russian letters


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def found(done: Result) -> Any:
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def local(text: str) -> int:
    return round(datetime.fromisoformat(text).astimezone().timestamp() * 1000)


def test_d21_an_accounts_messages_are_counted(run: Run, filled: Path) -> None:
    said = found(run("stats", "--json", "--account", "acme", "--from", "2026-11-20", "--to", "2026-11-20"))
    assert said == {
        "account": "acme",
        "from": "2026-11-20T05:00:00.000Z",
        "to": "2026-11-21T05:00:00.000Z",
        "statistics": {
            "charged": {"count": 2, "percent": 100.0},
            "sending": {"count": 0, "percent": 0.0},
            "sent": {"count": 0, "percent": 0.0},
            "delivered": {"count": 1, "percent": 50.0},
            "read": {"count": 0, "percent": 0.0},  # by somebody, but the pixel was shared
            "click": {"count": 1, "percent": 50.0},
            "delivery_errors": {"count": 1, "percent": 50.0},
            "rejected": {"count": 0, "percent": 0.0},
            "unsubscribed": {"count": 0, "percent": None},
            "total": {"count": 2, "percent": 100.0},
        },
        "metrics": said["metrics"],
    }
    assert said["metrics"]["count_injected"] == 2
    assert said["metrics"]["count_accepted"] == said["metrics"]["count_inband_bounce"] == 1


def test_without_an_account_all_are_counted_together_and_the_table_says_so(run: Run, filled: Path) -> None:
    done = run("stats", "--from", "2026-11-20", "--to", "2026-11-20T23:00")
    first, empty, head, *lines = done.output.splitlines()
    assert first == "all accounts together, 2026-11-20 00:00 to 2026-11-20 23:00"
    assert (empty, head.split()) == ("", ["STATUS", "MESSAGES", "PERCENT"])
    assert [line.split() for line in lines] == [
        ["charged", "3", "100", "%"],
        ["sending", "1", "33.33", "%"],
        ["sent", "0", "0", "%"],
        ["delivered", "1", "33.33", "%"],
        ["read", "0", "0", "%"],
        ["click", "1", "33.33", "%"],
        ["delivery", "errors", "1", "33.33", "%"],
        ["rejected", "0", "0", "%"],
        ["unsubscribed", "0"],
        ["total", "3", "100", "%"],
    ]
    assert found(run("stats", "--json"))["account"] is None


def test_d21_an_account_of_devinos_has_devinos_words_as_well(run: Run, filled: Path) -> None:
    account = filled.parent / "accounts.d" / "acme.yaml"
    account.write_text("account: acme\ndialect: devino\n", encoding="utf-8")
    day = ("--from", "2026-11-20", "--to", "2026-11-20")
    first, _, _, charged, *_, total = run("stats", "--account", "acme", *day).output.splitlines()
    assert first == "account acme, 2026-11-20 00:00 to 2026-11-21 00:00"
    assert charged.split() == ["charged", "(Протарифицировано)", "2", "100", "%"]
    assert total.split() == ["total", f"({TOTAL})", "2", "100", "%"]
    assert TOTAL not in run("stats", *day).output


def test_numbers_stand_below_each_other() -> None:
    rows = [Row("charged", 5025, 84.21), Row("sent", 0, 0), Row("unsubscribed", 7, None)]
    assert table(rows, {"charged": "Протарифицировано"}) == [
        "STATUS                       MESSAGES  PERCENT",
        "charged (Протарифицировано)      5025  84.21 %",
        "sent                                0      0 %",
        "unsubscribed                        7",
    ]


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        (("--from", "2026-11-20T08:52:35.174", "--to", "2026-11-20T08:52:35.175"), 2),
        (("--from", "2026-11-20T08:52:35.175", "--to", "2026-11-20"), 1),
        (("--from", "2026-11-20", "--to", "2026-11-20T08:52:35.174"), 0),
        (("--from", "2026-11-20T13:52Z", "--to", "2026-11-20T13:53Z"), 3),
        (("--to", "2026-11-20"), 3),
        (("--to", "2026-11-19"), 0),
    ],
)
def test_d20_a_period_is_local_time_until_a_moment_or_the_end_of_a_day(
    run: Run, filled: Path, period: tuple[str, ...], expected: int
) -> None:
    assert found(run("stats", "--json", *period))["statistics"]["total"]["count"] == expected


@pytest.mark.parametrize(
    ("period", "begin"),
    [
        (None, "2026-11-20"),
        ("today", "2026-11-20"),
        ("week", "2026-11-14"),
        ("month", "2026-10-21"),  # summer time ended in between
        ("3months", "2026-08-21"),
        ("6months", "2026-05-21"),
        ("year", "2025-11-21"),
    ],
)
def test_d20_a_period_by_name_lasts_until_the_end_of_today(period: Period | None, begin: str) -> None:
    wanted = (local(f"{begin}T00:00"), local("2026-11-21T00:00"))
    assert bounds(None, None, period, date(2026, 11, 20)) == wanted


def test_d20_without_a_period_today_is_meant(run: Run, filled: Path) -> None:
    before = date.today()  # noqa: DTZ011 - the command goes by local time, too
    said = found(run("stats", "--json"))
    assert said == found(run("stats", "--json", "--period", "today"))
    assert local(said["from"]) >= local(f"{before}T00:00")
    assert 23 <= (local(said["to"]) - local(said["from"])) / 3_600_000 <= 25


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "yesterday"), "'yesterday' is neither a time such as"),
        (("--to", "2026-11-31"), "'2026-11-31' is neither a time such as"),
        (("--period", "fortnight"), "'fortnight' is not one of 'today'"),
        (("--period", "week", "--to", "2026-11-20"), "--period does not go together with --from and --to"),
        (
            ("--from", "2026-11-20T10:00", "--to", "2026-11-20T10:00"),
            "the period would begin at 2026-11-20 10:00 and end at 2026-11-20 10:00",
        ),
        (
            ("--from", "2026-11-20", "--to", "2026-11-01"),
            "would begin at 2026-11-20 00:00 and end at 2026-11-02 00:00",
        ),
    ],
)
def test_a_period_that_is_none_is_told(
    run: Run, filled: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = run("stats", *arguments)
    assert done.exit_code == 2
    assert words in " ".join(done.output.split())


def test_an_account_that_never_was_is_a_failure(run: Run, filled: Path) -> None:
    done = run("stats", "--account", "nobody\x1b")
    assert isinstance(done.exception, Failure)
    assert (str(done.exception), done.exception.status) == ("there is no account nobody\\x1b", 2)
