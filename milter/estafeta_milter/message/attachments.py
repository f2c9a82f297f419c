"""Which parts readers show as files rather than in the message.

Everything that is not a body is one, with these exceptions, which mean something only where they are:

- the other texts of a multipart/alternative, and calendars there, which are one of the message's faces;
  a calendar elsewhere is a file when its fields say so, and an invitation otherwise
- the parts of reports and digests, which are read together
- message/partial, message/external-body and the like; whole messages (message/rfc822) are files

What is signed, encrypted or in doubt is not looked into.
"""

from collections.abc import Iterator

from estafeta_milter.message.part import Part
from estafeta_milter.message.texts import is_attachment, is_body, open_parts

_READ_TOGETHER = frozenset({"multipart/report", "multipart/digest"})
_MESSAGES = frozenset({"message/rfc822", "message/global", "message/news"})
# File names for parts that bring none, by their type.
_NAMES = {
    "application/json": "attachment.json",
    "application/msword": "attachment.doc",
    "application/pdf": "attachment.pdf",
    "application/rtf": "attachment.rtf",
    "application/vnd.ms-excel": "attachment.xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "attachment.xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "attachment.docx",
    "application/xml": "attachment.xml",
    "application/zip": "attachment.zip",
    "audio/mpeg": "audio.mp3",
    "image/bmp": "image.bmp",
    "image/gif": "image.gif",
    "image/jpeg": "image.jpg",
    "image/png": "image.png",
    "image/svg+xml": "image.svg",
    "image/webp": "image.webp",
    "message/global": "message.eml",
    "message/rfc822": "message.eml",
    "text/calendar": "calendar.ics",
    "text/csv": "attachment.csv",
    "text/html": "attachment.html",
    "text/plain": "attachment.txt",
    "text/vcard": "contact.vcf",
    "video/mp4": "video.mp4",
}
_NO_NAME = "attachment.bin"


def files(root: Part) -> Iterator[Part]:
    """Yield the parts that are shown as files, in the order of the message."""
    for part, parent in open_parts(root):
        if parent is not None and _is_leaf(part) and _is_file(part, parent):
            yield part


def name(part: Part) -> str:
    """Return the name under which a file is offered: its own, or one by its type."""
    return part.file_name or _NAMES.get(part.content_type, _NO_NAME)


def _is_leaf(part: Part) -> bool:
    return not part.children and not part.content_type.startswith("multipart/")


def _is_file(part: Part, parent: Part) -> bool:
    kind, alternative = part.content_type, parent.content_type == "multipart/alternative"
    if parent.content_type in _READ_TOGETHER or is_body(part, parent):
        return False
    if kind.startswith("message/"):
        return kind in _MESSAGES
    if kind == "text/calendar":
        return not alternative and is_attachment(part)
    if alternative and kind.startswith("text/"):
        return part.disposition == "attachment"
    return True
