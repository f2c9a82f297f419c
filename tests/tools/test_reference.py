import pytest

import reference
from reference import Key

KEYS = {
    f"{prefix}{section.path}.{key.name}": key
    for _, prefix, module, struct in reference.TOPS
    for section in reference.sections(module, struct)
    for key in section.keys
}


def test_the_page_in_docs_is_what_the_schema_says() -> None:
    assert reference.FILE.read_text() == reference.page(), "write it anew: make reference"


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_every_key_has_a_meaning(key: Key) -> None:
    assert key.meaning.endswith((".", "-")), "say in the schema, in a text below the field, what it is"


@pytest.mark.parametrize(
    ("name", "kind", "default"),
    [
        (".hostname", "text", None),
        (".store_timeout", "number, above 0, below 60", "20.0"),
        ("listeners.NAME.port", "integer, at least 1, at most 65535", None),
        ("listeners.NAME.tls", "`implicit`, `none`, `required`, `starttls`", "required"),
        ("accounts.d: domains.NAME.dkim.keys.NAME.verified", "true or false or `dns`", "true"),
        (
            "accounts.d: credentials.NAME.permissions",
            "list: `events`, `manage`, `send`, `skip_suppression`",
            "[send]",
        ),
        ("accounts.d: credentials.NAME.expires", "time with a zone", ""),
    ],
)
def test_kinds_and_defaults_are_in_words(name: str, kind: str, default: str | None) -> None:
    assert (KEYS[name].kind, KEYS[name].default) == (kind, default)
