"""Which parts of a message leave it and are reached by links: planned, and what the store knows of them.

files    attachments: every leaf that readers show as a file, and every inline image that no HTML shows
images   leaves that the HTML shows by `cid:` (RFC 2392) and that are images of a verified type

Nothing is lost: after the plan is carried out, each part is in the message, or its bytes are behind a link
that stands in every text a reader may be shown, or behind the image in the HTML. What cannot be had like
that stays in the message: parts that are signed, encrypted, in doubt or in a broken encoding; what the
HTML shows and is no image; files, where one of the texts cannot be edited; images and files with a
Content-ID, where one of the texts cannot be searched for references.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from estafeta_core.hosting import sniff
from estafeta_core.links import Links
from estafeta_core.options import Options
from estafeta_core.store.rows import Content, File, Row
from estafeta_milter.html import cids
from estafeta_milter.html.rewrite import holds
from estafeta_milter.job import Hosted, Job
from estafeta_milter.ledger import Accepted
from estafeta_milter.message import attachments
from estafeta_milter.message.charsets import codec
from estafeta_milter.message.content_ids import ContentIds
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Part, Unscannable, walk
from estafeta_milter.message.texts import TRACKABLE, is_body, open_parts

MAX_KEPT = 200
"""Contents that leave one message; further ones stay in it.

Each is a file that is made durable while the client waits: some milliseconds on a slow disk. Real mail
has a dozen.
"""

_CONTENT_LOCATION = re.compile(rb"^content-location:", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Plan:
    """What leaves a message."""

    files: tuple[Hosted, ...] = ()
    images: tuple[Hosted, ...] = ()
    contents: tuple[bytes, ...] = ()  # the bytes of all of them, each once


NOTHING = Plan()
NO_ROOM = "The storage of this account is full; the web version of this message was not kept"


@dataclass(frozen=True, slots=True)
class Shown:
    """The HTML of a rendering, as a browser may show it."""

    content: bytes
    charset: str


def plan(message: Message, options: Options, links: Links, transmission_id: int) -> Plan:
    """Return what leaves `message` under these options."""
    if not options.link_attachments and not options.host_images:
        return NOTHING
    root = message.structure
    if isinstance(root, Unscannable) or not root.children:
        return NOTHING
    survey = _Survey(message, root)
    contents: dict[bytes, bytes] = {}  # by SHA-256
    images, files = [], []
    for part, content in survey.images() if options.host_images else ():
        digest = _kept(content, contents)
        if digest:
            images.append(Hosted(part.path, links.image(transmission_id, digest), ""))
    for part, content in survey.files() if options.link_attachments else ():
        digest = _kept(content, contents)
        if digest:
            name = attachments.name(part)
            files.append(Hosted(part.path, links.file(transmission_id, digest, name), name))
    return Plan(tuple(files), tuple(images), tuple(contents.values()))


def _kept(content: bytes, contents: dict[bytes, bytes]) -> bytes | None:
    """Put `content` among the `contents` and return its digest; None when there are enough of them."""
    digest = hashlib.sha256(content).digest()
    if digest not in contents and len(contents) == MAX_KEPT:
        return None
    contents.setdefault(digest, content)
    return digest


class _Survey:
    """What the texts of a message show, and what they can hold."""

    def __init__(self, message: Message, root: Part) -> None:
        self._message = message
        self._root = root
        self._open = {part.path for part, _ in open_parts(root)}
        self._bodies = {part.path: part for part in message.bodies()}
        self._shown: dict[str, Part] = {}  # by a reference, in the order of the references
        self._all_known = True  # whether every text was searched
        self._search()

    def images(self) -> Iterator[tuple[Part, bytes]]:
        """Yield the images that are shown by a reference and can be shown from the web, with their bytes."""
        for part, content in self._contents(self._shown.values() if self._all_known else ()):
            if part.path in self._open and sniff(content):
                yield part, content

    def files(self) -> Iterator[tuple[Part, bytes]]:
        """Yield the parts that can become links, with their bytes."""
        if carriers(self._message):
            yield from self._contents(filter(self._is_loose, attachments.files(self._root)))

    def _contents(self, parts: Iterable[Part]) -> Iterator[tuple[Part, bytes]]:
        for part in parts:
            content = self._message.decoded(part)
            if content is not None:
                yield part, content

    def _is_loose(self, part: Part) -> bool:
        """Whether no text of the message shows `part`."""
        if part.path in self._shown or (part.content_id and not self._all_known):
            return False
        # MHTML shows parts by their Content-Location (RFC 2557), which is not followed here.
        return not _CONTENT_LOCATION.search(self._message.body, part.header_start, part.header_end)

    def _search(self) -> None:
        """Find what the texts show."""
        ids = ContentIds(self._root)
        for part, parent in _leaves(self._root):
            found = [] if _is_plain_file(part, parent) else self._references(part)
            if found is None:
                self._all_known = False
            for reference in found or ():
                shown = ids.find(reference.name, part)
                if shown is not None:
                    self._shown[shown.path] = shown

    def _references(self, part: Part) -> list[cids.Reference] | None:
        """Return what `part` refers to; None where it cannot be known, or not be edited."""
        kind = part.content_type
        if not _is_unread(part) and (not kind.startswith("text/") or kind == "text/plain"):
            return []
        content = self._message.decoded(part)
        if kind == "text/html":
            known = part.path in self._bodies and content is not None
            return cids.references(content or b"", part.charset) if known else None
        return None if content is None or b"cid:" in content.lower() else []


def carriers(message: Message) -> tuple[Part, ...]:
    """Return the texts that carry the list of links; none where a reader may be shown a text without it.

    Of an alternative a reader is shown one part, so each of its texts carries the list; of any other
    multipart all are shown, so one is enough. The first text of each type carries it as well, if it can.
    """
    root = message.structure
    can = {part.path for part in message.bodies() if _holds(message, part)}
    needed = None if isinstance(root, Unscannable) else _needed(root, can)
    if not needed:
        return ()
    carrying = {*needed, *(part.path for part in message.text_parts())} & can
    return tuple(part for part in message.bodies() if part.path in carrying)


def _needed(part: Part, can: set[str]) -> list[str] | None:
    """Return which texts inside `part` have to carry the list so that it is seen; None where it may not be.

    The result is empty where there is no text to be shown.
    """
    if not part.children:
        return [part.path] if part.path in can else None
    found = [_needed(child, can) for child in part.children if child.children or _is_face(child, part)]
    if part.content_type == "multipart/alternative":
        return None if None in found else [path for paths in found for path in paths or ()]
    return next((paths for paths in found if paths), [] if None not in found else None)


def _is_face(part: Part, parent: Part) -> bool:
    """Whether a reader may be shown the leaf `part` as text of the message."""
    return is_body(part, parent) or _is_unread(part)


def _holds(message: Message, part: Part) -> bool:
    if part.content_type == "text/plain":
        return codec(part.charset) is not None
    return holds(message.decoded(part) or b"", part.charset)


def _leaves(root: Part) -> Iterator[tuple[Part, Part]]:
    """Yield each part without parts, and the multipart it stands in, whatever is to be thought of it."""
    for parent in walk(root):
        yield from ((part, parent) for part in parent.children if not part.children)


def _is_unread(part: Part) -> bool:
    """Whether nobody knows what a reader makes of this leaf: a multipart without parts, or no type."""
    return not part.content_type or part.content_type.startswith("multipart/")


def _is_plain_file(part: Part, parent: Part) -> bool:
    """Whether `part` is a file, so that nothing it refers to is shown in the message."""
    return part.disposition == "attachment" or (part.content_type in TRACKABLE and not is_body(part, parent))


def size(contents: Sequence[bytes]) -> int:
    """Return the bytes of all contents together."""
    return sum(map(len, contents))


def shown(message: Message) -> Shown | None:
    """Return the HTML of a transformed message; None where it has none that may be rewritten."""
    for part in message.text_parts():
        content = message.decoded(part)
        if part.content_type == "text/html" and content is not None:
            return Shown(content, part.charset)
    return None


def rows(accepted: Accepted, job: Job, shown: Shown | None, kept: dict[str, int]) -> list[Row]:
    """Return what the store knows about the files that were `kept`: size in bytes by digest."""
    account = job.identity.account
    lines: list[Row] = [File(account, digest, size, accepted.time) for digest, size in kept.items()]
    if shown is not None:
        digest = hashlib.sha256(shown.content).hexdigest()
        lines.append(Content(accepted.transmission_id, job.id, account, digest, shown.charset, accepted.time))
    return lines
