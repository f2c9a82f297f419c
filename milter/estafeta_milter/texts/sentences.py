"""The table of sentences: `sentences.toml`, read when this module is.

    sentence = *sign "[" 1*sign "]" *sign      the words in brackets are the link

Raises ValueError, when it is read, for a table that lacks a sentence, has one too many, or marks no link.
"""

import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any

ENGLISH = "en"  # where a text cannot be written in the charset of its part

_LINKED = re.compile(r"([^\[\]]*)\[([^\[\]]+)\]([^\[\]]*)")
_LINKED_NAMES = ("web_version", "unsubscribe")
_NAMES = frozenset({*_LINKED_NAMES, "attachments"})


@dataclass(frozen=True, slots=True)
class Linked:
    """A sentence of which some words are a link."""

    before: str
    link: str
    after: str

    @property
    def text(self) -> str:
        """The sentence without marks."""
        return self.before + self.link + self.after


@dataclass(frozen=True, slots=True)
class Sentences:
    """What there is to say in one language."""

    language: str
    web_version: Linked
    unsubscribe: Linked
    attachments: str


def parse(source: str) -> dict[str, Sentences]:
    """Return the sentences of every language in a table."""
    return {language: _read(language, table) for language, table in tomllib.loads(source).items()}


def _read(language: str, table: dict[str, Any]) -> Sentences:
    if table.keys() != _NAMES:
        raise ValueError(f"[{language}] must hold exactly {', '.join(sorted(_NAMES))}")
    linked = {name: _linked(language, name, table[name]) for name in _LINKED_NAMES}
    return Sentences(language=language, attachments=table["attachments"], **linked)


def _linked(language: str, name: str, written: str) -> Linked:
    found = _LINKED.fullmatch(written)
    if found is None:
        raise ValueError(f"[{language}] {name}: one [link] must be marked in {written!r}")
    return Linked(*found.groups())


LANGUAGES = parse((resources.files("estafeta_milter.texts") / "sentences.toml").read_text(encoding="utf-8"))
"""The sentences by ISO 639-1 code."""
