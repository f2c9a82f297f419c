"""A Maildir for people (https://cr.yp.to/proto/maildir.html): what is kept of mail to postmaster and abuse.

It is bounded, and the oldest message goes first: anybody may write to these addresses. A file begins with
the envelope, `Return-Path: <sender>` and `Delivered-To: recipient`. It is written in `tmp/` and renamed into
`new/`; what a mail program has moved to `cur/` counts too.
"""

import contextlib
import itertools
import os
import time
from pathlib import Path

from estafeta_postfix.mail_intake.mail import Mail

FOLDER = "intake"  # below state_dir
MESSAGES = 1000  # a person reads some in a day
BYTES = 100 * 1024 * 1024  # of all together: ten of the longest that the intake takes


class Kept:
    """The Maildir at one path, made when the first message comes."""

    def __init__(self, path: Path, messages: int = MESSAGES, limit: int = BYTES) -> None:
        self.path = path
        self._messages = messages
        self._limit = limit
        self._numbers = itertools.count()

    def keep(self, mail: Mail) -> None:
        """Write a message, and take the oldest away where there are too many. OSError when that fails."""
        for folder in (self.path, *(self.path / name for name in ("tmp", "new", "cur"))):
            folder.mkdir(exist_ok=True, mode=0o700)
        # Twelve digits keep names of one process in order when a microsecond brings two.
        name = f"{time.time_ns() // 1000}.P{os.getpid()}Q{next(self._numbers):012d}.intake"
        envelope = f"Return-Path: <{mail.sender}>\r\nDelivered-To: {mail.recipient}\r\n"
        temporary = self.path / "tmp" / name
        temporary.touch(0o600)
        temporary.write_bytes(envelope.encode("utf-8", "surrogateescape") + mail.raw)
        temporary.rename(self.path / "new" / name)
        self._trim()

    def _trim(self) -> None:
        bytes_, count = 0, 0
        for size, path in sorted(self._files(), key=lambda found: found[1].name, reverse=True):
            bytes_, count = bytes_ + size, count + 1
            if count > 1 and (bytes_ > self._limit or count > self._messages):
                path.unlink(missing_ok=True)

    def _files(self) -> list[tuple[int, Path]]:
        found = []
        for name in ("new", "cur"):
            for path in (self.path / name).iterdir():
                with contextlib.suppress(FileNotFoundError):  # a mail program has just moved it
                    found.append((path.stat().st_size, path))
        return found
