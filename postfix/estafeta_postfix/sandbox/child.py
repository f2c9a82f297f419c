"""A sandbox as a child process, for programs that use one: the demonstration, and tests."""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from estafeta_postfix.supervisor import dying_with_parent

STOP_TIMEOUT = 30.0  # seconds; Postfix and every daemon finish what they have in hand


class StartError(Exception):
    """The sandbox did not start; the text is what it said."""


@contextlib.contextmanager
def started(arguments: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Run `estafeta sandbox --json ARGUMENTS`; yield the object it printed, and stop it in the end.

    Raises StartError.
    """
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            dying_with_parent([sys.executable, "-m", "estafeta_postfix", "sandbox", "--json", *arguments]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            start_new_session=True,  # an interrupt typed at the terminal is for this process, which stops it
        )
        try:
            line = process.stdout.readline() if process.stdout else b""
            if not line:
                process.wait(STOP_TIMEOUT)
                said.seek(0)
                raise StartError(said.read().decode("utf-8", "replace").strip())
            yield json.loads(line)
        finally:
            _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
