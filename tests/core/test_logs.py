import logging
from collections.abc import Callable, Iterator

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
