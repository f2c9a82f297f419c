"""One target by atheris (libFuzzer): it keeps inputs that reach new code, and changes those.

atheris is large and no part of .venv: `make fuzz` installs tools/lock/fuzz.txt. It never returns, so it has a
process of its own: `python -m estafeta_fuzz.covered TARGET FOLDER [libFuzzer's flags]`. An input that breaks
a promise is written to FOLDER as TARGET-crash-HASH, and the exit status is not 0.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

PACKAGES = ("estafeta_core", "estafeta_milter", "estafeta_policy", "estafeta_postfix")
SLOWER = 20.0  # instrumented code, on a machine that may do other things


def main(name: str, folder: Path, flags: list[str]) -> None:
    """Fuzz the target `name`; what it learns is kept below `folder`."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=list(PACKAGES)):
        targets = importlib.import_module("estafeta_fuzz.targets")
    target = targets.TARGETS[name]
    corpus = folder / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    atheris.Setup(
        [sys.argv[0], str(corpus), f"-artifact_prefix={folder}/{name}-", *flags],
        lambda data: target.run(data, SLOWER),
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
