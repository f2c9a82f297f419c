"""The configuration reference, from the schema: keys, types, defaults, and the text of each.

Use: `python tools/reference.py` writes docs/reference.md. `man.py` makes estafeta.yaml(5) of the same.
"""

import ast
import inspect
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
from msgspec import inspect as types

from estafeta_core.config import accounts, schema

FILE = Path(__file__).resolve().parents[1] / "docs" / "reference.md"
HEAD = """\
# Configuration reference

Every key of `estafeta.yaml` and of the files in `accounts.d/`, also as `man estafeta.yaml`. This page is made
from the schema that reads them (`make reference`), so it says what the program does.
[configuration.md](configuration.md) explains how things work together, and the
[samples](../postfix/estafeta_postfix/samples) show them in place. Unknown keys are errors.
"""
TOPS = (
    ("estafeta.yaml", "", schema, schema.Config),
    ("accounts.d/NAME.yaml", "accounts.d: ", accounts, accounts.Account),
)


@dataclass(frozen=True, slots=True)
class Key:
    """One key: what may stand there, and what holds where nothing does (None: it is required)."""

    name: str
    kind: str
    default: str | None
    meaning: str


@dataclass(frozen=True, slots=True)
class Section:
    """The keys of one struct; `path` is where it stands, `listeners.NAME`, or "" for the file itself."""

    path: str
    about: str
    keys: tuple[Key, ...]


def sections(module: ModuleType, struct: type[msgspec.Struct], path: str = "") -> Iterator[Section]:
    """Yield the section of `struct` and of every struct inside, in the order of the schema."""
    texts = _texts(module, struct)
    inner: list[Section] = []
    keys: list[Key] = []
    for field in types.type_info(struct).fields:  # type: ignore[attr-defined]
        below = list(_below(field.type, f"{path}.{field.name}".lstrip(".")))
        for where, found in below:
            inner += sections(module, found, where)
        meaning = texts.get(field.name) or inspect.cleandoc(below[0][1].__doc__ or "")
        keys.append(Key(field.name, _kind(field.type), _default(field), " ".join(meaning.split())))
    yield Section(path, " ".join(inspect.cleandoc(struct.__doc__ or "").split()), tuple(keys))
    yield from inner


def _texts(module: ModuleType, struct: type[msgspec.Struct]) -> dict[str, str]:
    """Return the string below each field of `struct`, as Sphinx and editors read it (PEP 224's place)."""
    body = next(
        node.body
        for node in ast.parse(inspect.getsource(module)).body
        if isinstance(node, ast.ClassDef) and node.name == struct.__name__
    )
    found: dict[str, str] = {}
    for field, text in itertools.pairwise(body):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(words))),
            ):
                found[name] = words
    return found


def _below(kind: types.Type, path: str) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    match kind:
        case types.StructType(cls=cls):
            yield path, cls
        case types.DictType(value_type=value):
            yield from _below(value, f"{path}.NAME")
        case types.UnionType(types=several):
            for each in several:
                yield from _below(each, path)


PLAIN: dict[type[types.Type], str] = {
    types.StructType: "section",
    types.BoolType: "true or false",
    types.StrType: "text",
    types.DateTimeType: "time with a zone",
    types.CustomType: "path",
}


def _kind(kind: types.Type) -> str:
    match kind:
        case types.UnionType(types=several):
            return " or ".join(_kind(each) for each in several if not isinstance(each, types.NoneType))
        case types.VarTupleType(item_type=item):
            return f"list: {_kind(item)}"
        case types.DictType(value_type=value):
            return f"by name: {_kind(value)}"
        case types.LiteralType(values=values):
            return ", ".join(f"`{each}`" for each in values)
        case types.IntType() | types.FloatType():
            return _number(kind)
    return PLAIN[type(kind)]


def _number(kind: types.IntType | types.FloatType) -> str:
    bounds = (("above", kind.gt), ("at least", kind.ge), ("below", kind.lt), ("at most", kind.le))
    words = (f"{word} {value:g}" for word, value in bounds if value is not None)
    return ", ".join(("integer" if isinstance(kind, types.IntType) else "number", *words))


def _default(field: types.Field) -> str | None:
    value: Any = field.default
    if value is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    match value:
        case msgspec.NODEFAULT:
            return None
        case bool():
            return str(value).lower()
        case "" | () | {} | None | msgspec.Struct():
            return ""
        case tuple():
            return f"[{', '.join(value)}]"
    return str(value)


def _tables() -> Iterator[str]:
    for title, prefix, module, struct in TOPS:
        yield f"\n## {title}\n"
        for section in sections(module, struct):
            if section.path:
                yield f"\n### {prefix}{section.path}\n"
            yield f"\n{section.about}\n\n| key | may be | default | meaning |\n|---|---|---|---|\n"
            for key in section.keys:
                yield _row(prefix, section, key)


def _row(prefix: str, section: Section, key: Key) -> str:
    default = "**required**" if key.default is None else f"`{key.default}`" if key.default else ""
    name = f"`{key.name}`"
    if "section" in key.kind:
        path = f"{section.path}.{key.name}".lstrip(".") + (".NAME" if key.kind.startswith("by name") else "")
        anchor = f"{prefix}{path}".lower().replace(" ", "-")
        name = f"[{name}](#{re.sub(r'[^a-z0-9_-]', '', anchor)})"
    return f"| {name} | {key.kind} | {default} | {key.meaning} |\n"


def page() -> str:
    """Return docs/reference.md."""
    return HEAD + "".join(_tables())


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
