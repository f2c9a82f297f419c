"""One YAML file, read so that every complaint about it can name its line and key.

Taken from YAML: mappings, sequences and plain, quoted or block scalars. Refused, because each has
cost an operator a silent mistake: keys given twice, aliases (a small file can unfold into gigabytes),
merge keys and tags. A key of a mapping is always the text that stands there, so `123:` and `no:` name
what they seem to name.

Raises ConfigError, whose text is `FILE:LINE: KEY.PATH: what is wrong, and what to do`.
"""

import difflib
import re
import types
import typing
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

KeyPath = tuple[str | int, ...]

_T = TypeVar("_T")
_TAG = "tag:yaml.org,2002:"
# Times stay text: YAML would drop their zone, and the schema's reader is stricter.
_TEXT_TAGS = frozenset({_TAG + "str", _TAG + "timestamp"})
# To YAML 012 is ten and 1:30 is ninety. Longer numbers mean nothing in any option.
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,18})?")
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}

_HINTS = (
    (re.compile(r"Expected `str[^`]*`, got `(int|float|bool)`"), "put the value in quotes"),
    (re.compile(r"got `null`"), "the value is empty: give one, or remove the key"),
    (re.compile(r"Expected `bool`, got `(str|int)`"), "write true or false"),
    (re.compile(r"Expected `(int|float)`, got `str`"), "write the number without quotes and unit"),
    (re.compile(r"Expected `array`"), "write a list: [a, b]"),
    (re.compile(r"Expected `object"), "write keys and values: {key: value}"),
    (re.compile(r"RFC3339"), "write date, time and zone: 2027-01-31T00:00:00Z"),
)


class ConfigError(Exception):
    """Something in the configuration cannot be used; the text says where, what and how to mend it."""


class AccountsAwayError(ConfigError):
    """The accounts are in a store that cannot be read now; it may come back."""


class Document:
    """One file, as YAML found it."""

    def __init__(self, path: Path, text: bytes | None = None, folder: Path | None = None) -> None:
        """Read the file at `path`, or take it that `text` is in it."""
        self.path = path
        self.folder = folder or path.absolute().parent  # that relative paths in it count from
        if text is None:
            try:
                text = path.read_bytes()
            except OSError as error:
                raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
        self._root = self._composed(text)
        self.value = _value(self, self._root, (), set())

    def _composed(self, text: bytes) -> yaml.Node:
        try:
            root: yaml.Node | None = yaml.compose(text, Loader=yaml.CSafeLoader)
        except yaml.YAMLError as error:
            raise self._unparsable(error) from None
        if root is None:
            raise ConfigError(f"{self.path}:1: the file is empty")
        return root

    def _unparsable(self, error: yaml.YAMLError) -> ConfigError:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        return ConfigError(f"{self.path}:{line}: not YAML: {problem}")

    def line(self, key_path: KeyPath) -> int:
        """Return the line of the innermost key of `key_path` that the file holds."""
        node, line = self._root, self._root.start_mark.line
        for step in key_path:
            found = _child(node, step)
            if found is None:
                break
            line, node = found
        return int(line) + 1

    def error(self, key_path: KeyPath, text: str) -> ConfigError:
        """Return the error that says `text` about the value at `key_path`."""
        where = ".".join(str(step) for step in key_path).replace("..", ".")
        return ConfigError(f"{self.path}:{self.line(key_path)}: {where + ': ' if where else ''}{text}")

    def convert(self, kind: type[_T]) -> _T:
        """Return the whole file as a `kind`; ConfigError names the first value that does not fit."""
        try:
            return msgspec.convert(self.value, kind, dec_hook=_decode)
        except msgspec.ValidationError as error:
            key_path, text = _first_fault(kind, self.value, ()) or ((), str(error))
            raise self._explained(kind, key_path, text) from None

    def _explained(self, kind: Any, key_path: KeyPath, text: str) -> ConfigError:
        text = text.partition(" - at `$")[0]
        unknown = re.search(r"unknown field `(.*)`", text)
        if unknown:
            name = unknown.group(1)
            known = tuple(_fields(_kind_at(kind, key_path)))
            return self.error((*key_path, name), f"unknown key ({_suggestion(name, known)})")
        missing = re.search(r"missing required field `(.*)`", text)
        if missing:
            return self.error(key_path, f"the key `{missing.group(1)}` is missing")
        wanted = _kind_at(kind, key_path)
        if _is_enumeration(wanted):  # also where YAML made something else of a word: `no`, a number, nothing
            return self.error(key_path, f"{text} (known here: {', '.join(_words(wanted))})")
        hint = next((hint for pattern, hint in _HINTS if pattern.search(text)), None)
        return self.error(key_path, f"{text} ({hint})" if hint else text)


class KnownDocument(Document):
    """A document whose value is known; its text is read only where something has to be said of it."""

    def __init__(self, path: Path, folder: Path, value: Any, text: Callable[[], bytes]) -> None:
        """Take it that `value` is what `text` says."""
        self.path = path
        self.folder = folder
        self.value = value
        self._text = text

    @cached_property
    def _root(self) -> yaml.Node:  # type: ignore[override]
        return self._composed(self._text())


def _suggestion(name: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean `{close[0]}`?" if close else "known here: " + ", ".join(known)


def _fields(kind: Any) -> Iterator[str]:
    """Yield the keys that a mapping of a type may have."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield from kind.__struct_fields__
    for inner in typing.get_args(kind):  # where it may be something else as well, or nothing
        yield from _fields(inner)


def _is_enumeration(kind: Any) -> bool:
    """Whether a type is a choice of words, or may be one."""
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return any(map(_is_enumeration, typing.get_args(kind)))
    return origin is typing.Literal


def _words(kind: Any) -> Iterator[str]:
    """Yield the words that a type takes, as YAML writes them."""
    if kind is bool:
        yield from ("true", "false")
    for inner in typing.get_args(kind):
        if isinstance(inner, str):
            yield inner
        else:
            yield from _words(inner)


def _value(document: Document, node: yaml.Node, path: KeyPath, seen: set[int]) -> Any:
    """Return the plain value of `node`; a node met twice was reached through an alias."""
    if isinstance(node, yaml.ScalarNode):
        return _scalar(document, node, path)
    if id(node) in seen:
        raise document.error(path, "YAML aliases (*name) are not taken: write the value out")
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
        return _mapping(document, node, path, seen)
    if node.tag == _TAG + "seq":
        return [_value(document, item, (*path, index), seen) for index, item in enumerate(node.value)]
    raise document.error(path, f"the YAML tag {node.tag} is not taken")


def _mapping(document: Document, node: yaml.MappingNode, path: KeyPath, seen: set[int]) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise document.error(path, "a key must be plain text")
        if key.value in mapping:
            line = key.start_mark.line + 1
            where = ".".join(map(str, (*path, key.value)))
            raise ConfigError(
                f"{document.path}:{line}: {where}: this key stands here twice (remove one of the two)"
            )
        mapping[key.value] = _value(document, value, (*path, key.value), seen)
    return mapping


def _scalar(document: Document, node: yaml.ScalarNode, path: KeyPath) -> Any:
    if node.tag in _TEXT_TAGS:
        return node.value
    if node.tag == _TAG + "null":
        return None
    if node.tag == _TAG + "bool" and node.value.lower() in _BOOLEANS:
        return _BOOLEANS[node.value.lower()]
    if node.tag not in (_TAG + "int", _TAG + "float"):
        raise document.error(path, f"the YAML tag {node.tag} is not taken")
    if not _NUMBER.fullmatch(node.value):
        text = f"{node.value} is a number in YAML (write plain digits, or put text in quotes)"
        raise document.error(path, text)
    return float(node.value) if "." in node.value else int(node.value)


def _child(node: yaml.Node, step: str | int) -> tuple[int, yaml.Node] | None:
    """Return line and node of the value that `step` leads to."""
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line, node.value[step]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == step:
                return key.start_mark.line, value
    return None


def _decode(kind: type, value: Any) -> Any:
    """Make the types of the schema that msgspec does not know."""
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise TypeError(f"Expected `str`, got `{type(value).__name__}`")


def _first_fault(kind: Any, value: Any, path: KeyPath) -> tuple[KeyPath, str] | None:
    """Return the innermost place that does not fit: msgspec's own paths do not say which key of a mapping."""
    try:
        msgspec.convert(value, kind, dec_hook=_decode)
    except msgspec.ValidationError as error:
        fault = (path, str(error))
    else:
        return None
    for step, inner_kind, inner in _parts(kind, value):
        found = _first_fault(inner_kind, inner, (*path, step))
        if found:
            return found
    return fault


def _parts(kind: Any, value: Any) -> Iterator[tuple[str | int, Any, Any]]:
    """Yield the step to each value inside `value`, with the type it should have."""
    if isinstance(value, dict):
        for key, inner in value.items():
            inner_kind = _inner_kind(kind, key)
            if inner_kind is not None:
                yield key, inner_kind, inner
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            inner_kind = _inner_kind(kind, index)
            if inner_kind is not None:
                yield index, inner_kind, inner


def _inner_kind(kind: Any, step: str | int) -> Any:
    """Return the type that the schema wants at `step` inside a `kind`; None where it knows none."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        return next((found for found in (_inner_kind(each, step) for each in arguments) if found), None)
    if origin is dict and isinstance(step, str):
        return arguments[1]
    if origin is tuple and isinstance(step, int):
        return arguments[0]
    if origin is None and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return typing.get_type_hints(kind, include_extras=True).get(str(step))
    return None


def _kind_at(kind: Any, path: KeyPath) -> Any:
    for step in path:
        kind = _inner_kind(kind, step)
    return kind
