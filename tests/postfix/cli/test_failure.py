import subprocess
import sys

import click
import pytest

from estafeta_core.config.document import ConfigError
from estafeta_postfix import cli
from estafeta_postfix.cli.failure import Failure

WRONG = [["no-such-command"], ["show"], ["serve", "everything"], ["events", "--since", "x"]]


@pytest.mark.parametrize(
    ("error", "status"),
    [(Failure("no luck"), 2), (Failure("no luck", 1), 1), (ConfigError("no luck"), 2)],
)
def test_what_a_person_can_mend_is_one_line_and_a_status(
    error: Exception, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_options: object) -> None:
        raise error

    monkeypatch.setattr(cli, "estafeta", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == status
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "estafeta: no luck\n")


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["estafeta", name, "--help"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    assert f"Usage: estafeta {name}" in click.unstyle(capsys.readouterr().out)


@pytest.mark.parametrize("arguments", WRONG)
def test_a_wrong_command_line_ends_with_status_2(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["estafeta", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "Usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("/dev/full", "standard output: No space left on device"),
        ("&-", "standard output is closed, and nobody would learn the answer (>/dev/null is open)"),
    ],
)
def test_an_answer_that_cannot_be_written_is_told_and_no_success(to: str, said: str) -> None:
    command = f"{sys.executable} -m estafeta_postfix --version >{to}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, f"estafeta: {said}\n")
