import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core import json_strict
from estafeta_testing import corpora
from estafeta_testing.cost import at_most

SUITE = sorted((corpora.FOLDER / "json-test-suite" / "parsing").glob("*.json"))


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "-Infinity",
        "[Infinity]",
        "1e999",
        "-1e999",
        "9" * 20,
        str(2**64),
        str(-(2**63) - 1),
        "9" * 5000,
        "",
        " ",
        "'a'",
        "{,}",
        "[1,]",
        '{"a":1,}',
        "[" * 100_000,
        '{"a":' * 5000,
        '"\\ud800"',
        '["a", {"b": "\\udfff"}]',
        '{"\\ud800": 1}',
        '"a\nb"',
        "\ufeff{}",
        "01",
        "1 2",
    ],
)
def test_what_is_not_json_or_cannot_be_kept_is_refused(text: str) -> None:
    with pytest.raises(json_strict.JsonError):
        json_strict.loads(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        (str(2**64 - 1), 2**64 - 1),
        (str(-(2**63)), -(2**63)),
        ("1e308", 1e308),
        ('"\\u00e9\\ud83d\\ude00"', "é😀"),
        (' {"a": [1, 2.5, true, null, "x"]} ', {"a": [1, 2.5, True, None, "x"]}),
        ('{"a": "\\u0000"}', {"a": "\ufffd"}),
        ('{"\\u0000": 1}', {"\ufffd": 1}),
    ],
)
def test_json_is_read(text: str, value: Any) -> None:
    assert json_strict.loads(text) == value


def test_nesting_is_taken_up_to_its_limit() -> None:
    depth = json_strict.DEPTH
    assert json_strict.loads("[" * depth + "]" * depth) is not None
    assert json_strict.loads('{"a":' * depth + "1" + "}" * depth) is not None
    assert json_strict.loads("[" + "[]," * 100 + "[]]") == [[]] * 101
    with pytest.raises(json_strict.JsonError, match="nested deeper"):
        json_strict.loads("[" * (depth + 1) + "]" * (depth + 1))
    with pytest.raises(json_strict.JsonError, match="nested deeper"):
        json_strict.loads("[" * 100_000)  # so deep that Python's own reader gives up first


def test_an_object_with_a_key_twice_can_be_told_and_holds_the_last_value() -> None:
    value = json_strict.loads('{"a": {"b": 1, "b": 2}}')
    assert type(value) is dict
    assert type(value["a"]) is json_strict.Repeated
    assert value == {"a": {"b": 2}}
    assert type(json_strict.loads('{"a\\u0000": 1, "a\\ufffd": 2}')) is json_strict.Repeated


def test_strings_are_changed_everywhere_and_keys_that_become_one_are_told() -> None:
    changed = json_strict.with_strings({"a": ["b", 1, {"c": "d"}]}, str.upper)
    assert changed == {"A": ["B", 1, {"C": "D"}]}
    assert type(json_strict.with_strings({"a": 1, "A": 2}, str.upper)) is json_strict.Repeated
    repeated = json_strict.with_strings(json_strict.Repeated(a=1), str.upper)
    assert type(repeated) is json_strict.Repeated


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8", min_codepoint=1)), inner)
        ),
        max_leaves=20,
    )
)
def test_what_python_writes_comes_back_and_can_be_written_again(value: Any) -> None:
    read = json_strict.loads(json.dumps(value))
    assert read == value
    json.dumps(read, ensure_ascii=False, allow_nan=False).encode()


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        json_strict.loads(text)
    except json_strict.JsonError:
        return


@pytest.mark.parametrize("path", corpora.parameters(SUITE))
def test_d12_jsontestsuite_inside_metadata(path: Any) -> None:
    try:
        json_strict.loads('{"metadata": {"k": ' + path.read_bytes().decode() + "}}")
    except (json_strict.JsonError, UnicodeDecodeError):
        taken = False
    else:
        taken = True
    assert path.name[0] == "i" or taken == (path.name[0] == "y")


def test_a_hostile_text_is_refused_in_no_time() -> None:
    with at_most(0.5):
        for text in ("[" * 60_000, '{"a":' * 12_000, "1" * 60_000, '"' + "\\ud800" * 10_000 + '"'):
            with pytest.raises(json_strict.JsonError):
                json_strict.loads(text)
