"""Have attachments leave the message, and links to them stand at the end of each text.

The heading is in the language of the other lines that are put into the message; where there are none, the
names and sizes stand alone. AMP, whose grammar is strict, gets the same links without styles: its reader
would otherwise not find the files. Links to files are tracked like any others.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from estafeta_milter.hosting import carriers
from estafeta_milter.html.rewrite import insert
from estafeta_milter.job import Hosted, Job
from estafeta_milter.message.charsets import codec
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Part, Unscannable, walk
from estafeta_milter.texts import markup, plain
from estafeta_milter.texts.sentences import LANGUAGES, Linked

KILOBYTE = 1024  # bytes, as mail programs count


@dataclass(frozen=True, slots=True)
class _Link:
    """One file, as a reader sees it."""

    name: str
    size: str  # in a form that needs no language
    url: str


def apply(message: Message, job: Job) -> Message:
    """Return `message` without the parts of `job.files`, and with a link to each in its texts."""
    links = _links(message, job.files)
    language = job.options.foot or job.options.head or job.options.tags_footer
    for part in carriers(message):
        content = message.decoded(part)
        if content is not None:
            message = message.replace_text(part, _with_links(content, part, links, language))
    return message.without_parts(hosted.path for hosted in job.files)


def _links(message: Message, files: Sequence[Hosted]) -> list[_Link]:
    root = message.structure
    parts = {} if isinstance(root, Unscannable) else {part.path: part for part in walk(root)}
    sizes = [len(message.decoded(parts[hosted.path]) or b"") for hosted in files]
    return [
        _Link(hosted.file_name, f"({_spelt_size(size)})", hosted.url)
        for hosted, size in zip(files, sizes, strict=True)
    ]


def _spelt_size(size: int) -> str:
    return f"{size} B" if size < KILOBYTE else f"{round(size / KILOBYTE)} KB"


def _with_links(content: bytes, part: Part, links: Sequence[_Link], language: str) -> bytes:
    if part.content_type == "text/plain":
        return plain.append(content, part.charset, _paragraphs(links, part.charset, language))
    if part.content_type == "text/html" and language:
        heading = markup.ascii_text(LANGUAGES[language].attachments)
        entries = (markup.linked(Linked("", link.name, f" {link.size}"), link.url) for link in links)
        lines = [heading, *(f"<br>{entry}" for entry in entries)]
        return insert(content, part.charset, bottom=markup.block(language, lines))
    return insert(content, part.charset, bottom="\r\n<p>" + "<br>\r\n".join(map(_bare, links)) + "</p>\r\n")


def _bare(link: _Link) -> str:
    url, name = markup.ascii_text(link.url), markup.ascii_text(link.name)
    return f'<a href="{url}">{name}</a> {link.size}'


def _paragraphs(links: Sequence[_Link], charset: str, language: str) -> list[list[str]]:
    """Return the list with each URL on a line of its own, where no program breaks it."""
    name = codec(charset) or "ascii"
    entries = [[f"{_spelt(link.name, name)} {link.size}", link.url] for link in links]
    return [[plain.spoken(language, charset).attachments], *entries] if language else entries


def _spelt(text: str, charset: str) -> str:
    """Return `text` with the nearest in ASCII, or a question mark, for what the charset does not have."""
    return "".join(sign if _has(charset, sign) else _nearest(sign) for sign in text)


def _has(charset: str, sign: str) -> bool:
    try:
        sign.encode(charset)
    except UnicodeEncodeError:
        return False
    return True


def _nearest(sign: str) -> str:
    return unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode("ascii") or "?"
