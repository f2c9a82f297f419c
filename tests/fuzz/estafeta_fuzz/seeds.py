"""Where inputs begin: the test cases of this repository, and the corpora where they are there."""

import re
from collections.abc import Iterator
from pathlib import Path

from estafeta_testing import corpora

INPUTS = Path(__file__).parents[1] / "inputs"
TESTCASES = corpora.ROOT / "tests" / "testcases"
LARGEST = 100_000  # bytes of a seed: a mutant is to be tried in milliseconds

_HEADER = re.compile(rb"(?im)^(x-[a-z-]+):[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)")


def kept(target: str) -> dict[str, bytes]:
    """Return the inputs that once broke `target`, by file name."""
    return {path.name: path.read_bytes() for path in sorted((INPUTS / target).glob("*"))}


def messages() -> Iterator[bytes]:
    """Yield whole messages, with the line ends of a file."""
    yield b"From: a@acme.example\nSubject: s\nContent-Type: text/html\n\n<a href='http://x/'>x</a>\n"
    for path in corpora.messages():
        if path.stat().st_size <= LARGEST:
            yield path.read_bytes()
    yield from _sessions()


def _sessions() -> Iterator[bytes]:
    """Yield the messages of the test cases."""
    for path in sorted(TESTCASES.glob("*.testcase")):
        block: list[bytes] = []
        for line in [*path.read_bytes().splitlines(), b""]:
            if line[:1] == b"|":
                block.append(line[2:])
            elif block:
                yield b"\n".join(block) + b"\n"
                block = []


def markups() -> Iterator[bytes]:
    """Yield HTML."""
    yield b'<html><body><a href="http://x/?a=1&amp;b=2">x</a><img src="cid:a@b"><style>a{color:red}</style>'
    for path in corpora.templates():
        if path.stat().st_size <= LARGEST:
            yield path.read_bytes()


def control_headers() -> Iterator[bytes]:
    """Yield `NAME: VALUE` of the headers that steer a provider's service, folded as they came."""
    yield b'X-MSYS-API: {"campaign_id": "c", "tags": ["t"], "metadata": {"a": [1, 2.5, null]}}'
    yield b'X-MSYS-API: {"cc": ["c@d.example"], "bcc": [{"email": "b@d.example", "name": "B"}]}'
    yield b'X-SMTPAPI: {"unique_args": {"a": "b"}, "category": ["x"]}'
    for message in _sessions():
        for match in _HEADER.finditer(message):
            yield match[0]
    for path in sorted((corpora.FOLDER / "json-test-suite").rglob("*.json")):
        if path.stat().st_size <= LARGEST:
            yield b"X-MSYS-API: " + path.read_bytes()
