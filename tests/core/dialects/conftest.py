import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

Lookup = Callable[[Sequence[str], Sequence[str]], dict[str, str]]


@pytest.fixture
def look_up(tmp_path: Path) -> Lookup:
    """Return a function that asks Postfix for keys in a regexp(5) table of these lines: what is found."""
    postmap = shutil.which("postmap", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    assert postmap is not None, "Postfix is not installed"
    main_cf = tmp_path / "main.cf"
    main_cf.write_text("compatibility_level = 3.6\n")
    os.utime(main_cf, (0, 0))  # Postfix waits until a file has been left alone for two seconds

    def ask(lines: Sequence[str], keys: Sequence[str]) -> dict[str, str]:
        (tmp_path / "table").write_text("".join(f"{line}\n" for line in lines))
        done = subprocess.run(
            [postmap, "-c", str(tmp_path), "-q", "-", f"regexp:{tmp_path}/table"],
            input="".join(f"{key}\n" for key in keys),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.stderr == ""  # Postfix understands every line
        return dict(line.split("\t", 1) for line in done.stdout.splitlines())

    return ask
