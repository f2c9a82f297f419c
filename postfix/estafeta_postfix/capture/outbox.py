"""A Maildir with one file in `new/` per recipient (https://cr.yp.to/proto/maildir.html).

A file begins with the envelope, `Return-Path: <sender>` and `Delivered-To: recipient`, and then holds
the message exactly as it came. It is written in `tmp/` and renamed, so whoever lists `new/` finds
whole files, in the order of arrival when sorted by name.

Beside the Maildir's folders, `peers` has a line for each file: its name, the address that it came from, and
what the client called itself.
"""

import itertools
import os
import time
from pathlib import Path

from estafeta_postfix.capture.session import Message

PEERS = "peers"


class Outbox:
    """The Maildir at one path; made when it is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._numbers = itertools.count()
        for name in ("tmp", "new", "cur"):
            (path / name).mkdir(parents=True, exist_ok=True)

    def keep(self, message: Message) -> None:
        """Write one file per recipient; OSError when that fails."""
        for recipient in message.recipients:
            # Twelve digits keep names of one process in order when a microsecond brings two.
            name = f"{time.time_ns() // 1000}.P{os.getpid()}Q{next(self._numbers):012d}.capture"
            envelope = b"Return-Path: <%b>\r\nDelivered-To: %b\r\n" % (message.sender, recipient)
            temporary = self.path / "tmp" / name
            temporary.write_bytes(envelope + message.content)
            self._note(name, message)
            temporary.rename(self.path / "new" / name)

    def _note(self, name: str, message: Message) -> None:
        """Tell of a file whose it was, before it is there: whoever sees the file finds the line."""
        with (self.path / PEERS).open("ab") as peers:
            peers.write(b"%b %b %b\n" % (name.encode(), message.peer.encode(), message.helo))
