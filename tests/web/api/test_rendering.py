import json
from typing import Any

import pytest

from estafeta_web.api.rendering import encoded, json_response


@pytest.mark.parametrize(
    "value",
    [{}, {"ü": "<script>\u2028"}, [1, 2**63, -(2**63)], {"k": "\ud800"}, 2**70, {"a": [None, True, 1.5]}],
)
def test_d4_whatever_is_kept_leaves_as_json_in_utf_8(value: Any) -> None:
    assert json.loads(encoded(value).decode()) == value


def test_an_answer_says_that_it_is_json() -> None:
    answer = json_response({"a": 1}, 418, {"X-A": "b"})
    assert (answer.status_code, answer.body, answer.headers["x-a"]) == (418, b'{"a":1}', "b")
    assert answer.headers["content-type"] == "application/json"
