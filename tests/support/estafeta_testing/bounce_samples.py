"""The bounces that flufl.bounce is tested with: files of its source distribution, no part of this repository.

pip fetches the distribution into `.cache`, once, and holds it to the hash written here. Where there is no way
to the package index, the tests that read the samples are skipped and say so.
"""

import subprocess
import sys
import tarfile
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / ".cache" / "flufl.bounce"
VERSION = "6.0.0"
SHA256 = "a1df16b9d1877ae4536f7d76c00d8421fcefbe694f80f5285d05c45a2547b1bc"


@cache
def samples() -> dict[str, bytes]:
    """Return every sample by its name, as a message without the line of an mbox before it."""
    archive = FOLDER / f"flufl_bounce-{VERSION}.tar.gz"
    if not archive.exists():
        _fetch()
    found = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.name.endswith(".txt") else None
            if file is not None and "/tests/data/" in member.name:
                raw = file.read()
                found[Path(member.name).stem] = raw.partition(b"\n")[2] if raw.startswith(b"From ") else raw
    return found


def _fetch() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = FOLDER / "requirements.txt"
    wanted.write_text(f"flufl.bounce=={VERSION} --hash=sha256:{SHA256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    command += ["--no-build-isolation", "--require-hashes", "-r", str(wanted), "-d", str(FOLDER)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        pytest.skip(f"flufl.bounce {VERSION} cannot be fetched: {done.stderr.strip()[-500:]}")
