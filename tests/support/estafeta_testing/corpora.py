"""The public mail corpora that some tests read: data files that are no part of this repository.

They are looked for in the folder named by ESTAFETA_CORPORA, else in ../shared/corpora beside the
repository. Where they are missing, the tests that read them are skipped and say so.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

from estafeta_core.headers import Header

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(os.environ.get("ESTAFETA_CORPORA") or ROOT.parent / "shared" / "corpora")

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:[ \t]?([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)")


def messages() -> list[Path]:
    """Return the mail messages of every corpus."""
    found = (
        path for corpus in ("james-mime4j", "mikel-mail", "enmime") for path in (FOLDER / corpus).rglob("*")
    )
    return sorted(path for path in found if path.suffix in {".msg", ".eml", ".raw"})


def templates() -> list[Path]:
    """Return the HTML templates of every corpus."""
    return sorted(FOLDER.glob("html-*/**/*.html"))


def parameters(paths: Sequence[Path], gate: int = 1) -> list[ParameterSet]:
    """Return `paths` for pytest.mark.parametrize, or one skipped case if there are none.

    The gate tries each `gate`-th of them, a release all.
    """
    if not paths:
        return [pytest.param(Path(), marks=pytest.mark.skip(reason=f"no corpora in {FOLDER}"), id="absent")]
    return [
        pytest.param(path, marks=() if place % gate == 0 else pytest.mark.release, id=name(path))
        for place, path in enumerate(paths)
    ]


def name(path: Path) -> str:
    """Return what a file of the corpora is called in the name of a test."""
    return str(path.relative_to(FOLDER))


def received(raw: bytes) -> tuple[tuple[Header, ...], bytes]:
    """Return fields and body as Postfix hands the message `raw` to a milter.

    Lines end in CRLF in the body and in LF inside a folded field; the space behind a colon is gone.
    A first line that is no field (an mbox "From ") is dropped, and the first later one begins the body.
    """
    text = raw.replace(b"\r\n", b"\n")
    if text.startswith(b"From "):
        text = text.partition(b"\n")[2]
    headers: list[Header] = []
    position = 0
    while match := _FIELD.match(text, position):
        headers.append(Header(match[1].decode("ascii"), match[2]))
        position = match.end()
    body = text[position:].removeprefix(b"\n")
    return tuple(headers), body.replace(b"\n", b"\r\n")


def whole(headers: Sequence[Header], body: bytes) -> bytes:
    """Return fields and body as one message with CRLF line ends, for an independent reader."""
    fields = [header.name.encode() + b": " + header.value.replace(b"\n", b"\r\n") for header in headers]
    return b"\r\n".join([*fields, b"", body])
