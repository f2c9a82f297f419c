"""What the links in a copy lead to: read out of their tokens, as the web service reads them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from estafeta_core.config.schema import Config
from estafeta_core.links import Links
from estafeta_core.tokens import Kind
from estafeta_milter.message.charsets import codec
from estafeta_milter.message.message import Message

_PATH = r"/[couwfi]/([A-Za-z0-9_-]+)(?:\.gif|/[A-Za-z0-9_.~%-]*)?"
_HOSTED = frozenset({Kind.FILE, Kind.IMAGE})


@dataclass(frozen=True, slots=True)
class Link:
    """One link that was written into a copy."""

    part: str  # the type of the text it stands in
    kind: str  # click, open, initial_open, list_unsubscribe, link_unsubscribe, web_version, file, image
    target: str  # where it led before, or the file's name; "" where it stands for nothing of the client's
    name: str  # the link's name, where it has one
    url: str


def of(message: Message, links: Links, config: Config) -> list[Link]:
    """Return every link of ours in the texts of a copy, in order."""
    bases = {config.base_url, config.hosting.base_url or config.base_url}
    url = re.compile(f"(?:{'|'.join(map(re.escape, sorted(bases, key=len, reverse=True)))}){_PATH}")
    return [link for part, text in _texts(message) for link in _found(part, url.finditer(text), links)]


def _texts(message: Message) -> Iterator[tuple[str, str]]:
    fresh = Message(message.sender, message.recipients, message.headers, message.body, message.bounds)
    for part in fresh.bodies():
        content = fresh.decoded(part)
        if content is not None:
            yield part.content_type, content.decode(codec(part.charset) or "latin-1", "replace")


def _found(part: str, matches: Iterator[re.Match[str]], links: Links) -> Iterator[Link]:
    for match in matches:
        token = links.read(match[1])
        if token is None:
            continue
        hosted = token.kind in _HOSTED
        target = token.name if hosted else token.target.decode("utf-8", "replace")
        yield Link(part, token.kind.name.lower(), target, "" if hosted else token.name, match[0])
