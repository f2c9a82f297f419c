"""Every text of the pages: a file for each language in `texts/`, all with the same keys."""

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any

from starlette.requests import Request

from estafeta_web import languages

COOKIE = "estafeta_language"
PARAMETER = "lang"
_FILES = resources.files("estafeta_web.pages") / "texts"


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of one language; `say` has them by section and name."""

    language: str  # ISO 639-1
    say: dict[str, Any]

    def fill(self, section: str, name: str, **values: str) -> str:
        """Return a text with values in its places."""
        text: str = self.say[section][name]
        return text.format(**values)


def _read(language: str) -> Words:
    return Words(language, tomllib.loads((_FILES / f"{language}.toml").read_text(encoding="utf-8")))


WORDS = {language: _read(language) for language in ("en", "es", "ru")}


def asked(request: Request) -> str:
    """Return the language that the address of this page names, "" for none that we have."""
    language = request.query_params.get(PARAMETER, "")
    return language if language in WORDS else ""


def spoken(request: Request) -> Words:
    """Return the texts for a request: by its address, by the cookie of an earlier one, by Accept-Language."""
    chosen = asked(request) or request.cookies.get(COOKIE, "")
    return WORDS[languages.chosen(chosen, request.headers.get("accept-language", ""), WORDS)]
