"""What the clients send: messages of several kinds, every byte of them known, made up from a seed.

    plain      one recipient, nothing asked for: his own List-Unsubscribe, and the body as it came
    tracked    one recipient, opens and clicks tracked
    alike      several RCPT TO, transactional, untracked: one queue file for all
    several    several RCPT TO, tracked: a copy for each
    lists      one or two RCPT TO, and cc, bcc and archive lists, tracked: a copy for each
    personal   several RCPT TO, untracked: List-Unsubscribe alone makes the copies differ

A letter is what an application wants delivered. Each attempt to hand it over is a `Draft` of its own: its id
stands in X-Attempt, in the subject, in every recipient's address and in every link, so whatever comes out
tells which attempt it came from.
"""

import base64
import functools
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from estafeta_postfix.demo_accounts import POOL

SENDER = "news@acme.example"
ATTEMPT = "X-Attempt"
TARGET = "https://example.com"
FAN_OUT = ("several", "lists", "personal")
# A third of the messages fans out.
MIX: Mapping[str, int] = {"plain": 3, "tracked": 3, "alike": 2, "several": 1, "lists": 2, "personal": 1}

_DOMAINS = ("example0.net", "example1.net", "Example2.NET", "example3.org")

Kind = Literal["plain", "tracked", "alike", "several", "lists", "personal"]
RcptType = Literal["", "cc", "bcc", "archive"]


@dataclass(frozen=True, slots=True)
class Letter:
    """One message that has to go, in the attempts that it takes."""

    number: int
    kind: Kind
    rcpt_to: int
    cc: int
    bcc: int
    archive: int
    links: int
    rich: bool  # text, HTML and a file, instead of HTML alone
    dkim_key: str  # "": the domain's default
    ip_pool: str  # "": Postfix's own way out

    def draft(self, try_: int) -> "Draft":
        """Return the message as the attempt of that number sends it."""
        return Draft(self, f"{self.number}-{try_}")


@dataclass(frozen=True)
class Draft:
    """One attempt's message. Its bytes are made each time they are asked for: there are thousands of them."""

    letter: Letter
    id: str

    @property
    def tracked(self) -> bool:
        """Whether links and pixels are ours in what is delivered."""
        return self.letter.kind in ("tracked", "several", "lists")

    @property
    def transactional(self) -> bool:
        """Whether it says so: then it has no List-Unsubscribe."""
        return self.letter.kind == "alike"

    @property
    def selector(self) -> str:
        """The selector of the key that signs it."""
        return self.letter.dkim_key or "default"

    @property
    def rcpt_to(self) -> tuple[str, ...]:
        """The envelope."""
        return self._addresses("to", self.letter.rcpt_to)

    @functools.cached_property
    def recipients(self) -> dict[str, RcptType]:
        """Everybody who gets a copy, and why."""
        kinds: dict[str, RcptType] = dict.fromkeys(self.rcpt_to, "")
        kinds |= dict.fromkeys(self._addresses("cc", self.letter.cc), "cc")
        kinds |= dict.fromkeys(self._addresses("bcc", self.letter.bcc), "bcc")
        return kinds | dict.fromkeys(self._addresses("archive", self.letter.archive), "archive")

    def name_of(self, recipient: str) -> str:
        """Return the friendly name that a list gives a recipient; every other one has none."""
        return f"Reader {recipient.partition('@')[0]}" if recipient.endswith("net") else ""

    def _addresses(self, kind: str, count: int) -> tuple[str, ...]:
        return tuple(f"{kind}{n}.{self.id}@{_DOMAINS[n % len(_DOMAINS)]}" for n in range(count))

    @property
    def content(self) -> bytes:
        """The whole message, CRLF line ends."""
        fields = [
            f"From: Acme News <{SENDER}>",
            f"To: {self.rcpt_to[0]}",
            f"Subject: {self.id}",
            f"{ATTEMPT}: {self.id}",
            "MIME-Version: 1.0",
            f"Content-Type: {self._content_type}",
            *([] if self.letter.rich else ["Content-Transfer-Encoding: 8bit"]),
            f"X-MSYS-API: {json.dumps(self._asked)}",
        ]
        return "".join(f"{field}\r\n" for field in fields).encode() + b"\r\n" + self.body

    @property
    def body(self) -> bytes:
        """What stands behind the header, as the application wrote it."""
        return self._parts if self.letter.rich else self._html

    @property
    def targets(self) -> list[str]:
        """Where its links lead, in their order."""
        html = [f"{TARGET}/{self.id}/{n}" for n in range(self.letter.links)]
        return [f"{TARGET}/{self.id}/text", *html] if self.letter.rich else html

    @property
    def _asked(self) -> dict[str, Any]:
        lists = {
            kind: [self._entry(address) for address, why in self.recipients.items() if why == kind]
            for kind in ("cc", "bcc", "archive")
        }
        options: dict[str, Any] = {}
        if self.tracked:
            options |= {"open_tracking": True, "click_tracking": True}
        if self.transactional:
            options["transactional"] = True
        if self.letter.ip_pool:
            options["ip_pool"] = self.letter.ip_pool
        if self.letter.dkim_key:
            options["dkim_key"] = self.letter.dkim_key
        return {"campaign_id": "chaos", "options": options} | {k: v for k, v in lists.items() if v}

    def _entry(self, address: str) -> str | dict[str, str]:
        name = self.name_of(address)
        return {"email": address, "name": name} if name else address

    @property
    def _content_type(self) -> str:
        return f'multipart/mixed; boundary="m-{self.id}"' if self.letter.rich else "text/html; charset=utf-8"

    @property
    def _html(self) -> bytes:
        rows = "".join(
            f'<p>{self.id} caf\u00e9 <a href="{TARGET}/{self.id}/{n}">{"words and words " * 8}</a></p>\r\n'
            for n in range(self.letter.links)
        )
        return f"<html><head><title>{self.id}</title></head><body>\r\n{rows}</body></html>\r\n".encode()

    @property
    def _parts(self) -> bytes:
        file = random.Random(self.id).randbytes(3000)
        return b"".join(
            (
                f"--m-{self.id}\r\nContent-Type: multipart/alternative; ".encode(),
                f"boundary=a-{self.id}\r\n\r\n".encode(),
                f"--a-{self.id}\r\nContent-Type: text/plain\r\n\r\n".encode(),
                f"Read {TARGET}/{self.id}/text today.\r\n".encode(),
                f"--a-{self.id}\r\nContent-Type: text/html; charset=utf-8\r\n".encode(),
                b"Content-Transfer-Encoding: 8bit\r\n\r\n" + self._html,
                f"--a-{self.id}--\r\n\r\n--m-{self.id}\r\n".encode(),
                b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n",
                base64.encodebytes(file).replace(b"\n", b"\r\n"),
                f"--m-{self.id}--\r\n".encode(),
            )
        )


def letters(seed: int, mix: Mapping[str, int]) -> Iterator[Letter]:
    """Yield letters without end, always the same for a seed; `mix` is the weight of each kind."""
    chance = random.Random(f"letters {seed}")
    number = 0
    while True:
        number += 1
        (kind,) = chance.choices(list(mix), list(mix.values()))
        yield _letter(number, kind, chance)


def _letter(number: int, kind: Any, chance: random.Random) -> Letter:
    listed = kind == "lists"
    several = kind in ("alike", "several", "personal")
    return Letter(
        number=number,
        kind=kind,
        rcpt_to=chance.randint(2, 6) if several else chance.choice((1, 1, 2)) if listed else 1,
        cc=chance.randint(1, 3) if listed else 0,
        bcc=chance.randint(0, 3) if listed else 0,
        archive=chance.randint(0, 2) if listed else 0,
        links=chance.choice((1, 5, 10, 20, 60)),
        rich=chance.random() < 0.3,
        dkim_key=chance.choice(("", "", "marketing")),
        ip_pool=chance.choice(("", "", "", POOL)),
    )
