import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from estafeta_core import logs


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    yield lambda: capfd.readouterr().err
    logging.getLogger().handlers[:], level = before
    logging.getLogger().setLevel(level)


@pytest.mark.parametrize(
    "hostile", ["a\r\nestafeta/x[1]: forged", "\x1b[31m", "\u2028", "\x85", "\udce9", "é"]
)
def test_one_record_is_one_line_of_printable_ascii(hostile: str, logged: Callable[[], str]) -> None:
    logs.setup("test")
    logging.getLogger("x").warning("subject %s", hostile)
    text = logged()
    assert text.count("\n") == 1
    assert text[:-1].isprintable()
    assert text.isascii()


def test_a_record_names_role_process_and_level(logged: Callable[[], str]) -> None:
    logs.setup("milter")
    logging.getLogger("x").error("broken")
    assert logged().startswith("estafeta/milter[")


def test_a_traceback_stays_on_the_line_of_its_record(logged: Callable[[], str]) -> None:
    logs.setup("milter")
    try:
        raise ValueError("inner")
    except ValueError:
        logging.getLogger("x").exception("outer")
    text = logged()
    assert text.count("\n") == 1
    assert "inner" in text


def test_a_record_is_cut_at_its_limit(logged: Callable[[], str]) -> None:
    logs.setup("milter")
    logging.getLogger("x").info("y" * 100_000)
    assert len(logged()) <= logs.RECORD_LIMIT + 1


HOSTILE = [
    "a\r\nforged",
    "\x1b[31m\x00\x7f\x9b",
    "\u2028\u2029\x85",
    "\udce9 not UTF-8",
    'quote " and \\ and \\u12 and {"a": 1}',
    "é\U0001f600",
    "\\" * 9_000,
    '"' * 9_000,
    "\U0001f600" * 9_000,
    "x\U0001f600" * 9_000,
    "\n" * 100_000,
    "\udce9" * 100_000,
    "y" * 100_000,
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_l1_as_json_every_record_is_one_object_in_printable_ascii_and_bounded(
    hostile: str, logged: Callable[[], str]
) -> None:
    logs.setup("web", form="json")
    for cut in range(6):  # wherever the limit falls in what it cuts
        fields = {"queue_id": hostile, "identity": "i" * cut, "client": hostile}
        logging.getLogger("x").warning("%s%s", "z" * cut, hostile, extra=fields)
    for line in logged().splitlines():
        assert len(line) <= logs.RECORD_LIMIT
        assert line.isascii()
        assert line.isprintable()
        record = json.loads(line)
        record["message"].encode("utf-8")  # no half of a pair, which strict parsers refuse
        assert (record["level"], record["role"]) == ("warning", "web")
        shown = hostile.encode("utf-8", "backslashreplace").decode()
        assert shown.startswith(record["message"].lstrip("z"))
        assert shown.startswith(record["queue_id"])


def test_as_json_a_record_says_when_and_what_it_is_about(logged: Callable[[], str]) -> None:
    logs.setup("milter", form="json")
    fields = {"queue_id": "4Xq", "transmission_id": 7, "identity": "acme/main", "subject": "not shown"}
    logging.getLogger("x").info("accepted", extra=fields)
    record = json.loads(logged())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record.pop("time"))
    assert record.pop("pid") > 0
    assert record == {
        "level": "info",
        "role": "milter",
        "message": "accepted",
        "queue_id": "4Xq",
        "transmission_id": "7",
        "identity": "acme/main",
    }


def test_as_json_a_traceback_is_in_its_record(logged: Callable[[], str]) -> None:
    logs.setup("milter", form="json")
    try:
        raise ValueError("inner")
    except ValueError:
        logging.getLogger("x").exception("outer")
    (line,) = logged().splitlines()
    assert json.loads(line)["message"].startswith("outer\nTraceback")


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("log_format: json\n", "json"),
        ("hostname: [broken\nlog_format: 'json'   # for the collector\n", "json"),
        ("log_format: text\n", "text"),
        ("# log_format: json\n", "text"),
        ("a:\n  log_format: json\n", "text"),
        ("", "text"),
    ],
)
def test_the_form_is_known_even_where_the_configuration_is_broken(
    text: str, form: str, tmp_path: Path
) -> None:
    path = tmp_path / "estafeta.yaml"
    assert logs.form(path) == "text"
    path.write_text(text)
    assert logs.form(path) == form
