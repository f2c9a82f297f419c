import io

import pytest

from estafeta_postfix.cli import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_shown_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(progress, "EVERY", -1.0)
    assert list(progress.shown("abc", "letters", 3)) == ["a", "b", "c"]
    assert terminal.getvalue().split("\r")[1:] == [
        "1 of 3 letters",
        "2 of 3 letters",
        "3 of 3 letters",
        "3 of 3 letters\n",
    ]


def test_nobody_else_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress.shown([1, 2], "numbers")) == [1, 2]
    assert capsys.readouterr().err == ""
