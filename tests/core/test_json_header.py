from typing import Any

import pytest

from estafeta_core import json_header, json_strict


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b' {"a":\r\n\t1}\n ', {"a": 1}),
        (b'{"a": "x\n   y"}', {"a": "x y"}),
        (b'{"a": "\xc3\xa9"}', {"a": "\u00e9"}),
        (b'{"a": "=?utf-8?Q?=C3=A9?="}', {"a": "\u00e9"}),
        (b'{"a": "=?utf-8?Q?=22,_=22b=22:_=22?="}', {"a": '", "b": "'}),  # it cannot end its string
        (b"=?utf-8?B?eyJhIjogMX0=?=", {"a": 1}),
        (b"null", None),
    ],
)
def test_json_is_read_as_clients_write_it(value: bytes, read: Any) -> None:
    assert json_header.loads(value) == read


@pytest.mark.parametrize(
    "value", [b"", b"{", b"{'a': 1}", b"NaN", b"=?utf-8?Q?=7B?=", b'{"a": 1' + b"]" * 99]
)
def test_what_is_no_json_is_none(value: bytes) -> None:
    with pytest.raises(json_strict.JsonError):
        json_header.loads(value)


def test_what_is_no_utf8_says_so() -> None:
    with pytest.raises(UnicodeDecodeError):
        json_header.loads(b'{"a": "\xe9"}')
