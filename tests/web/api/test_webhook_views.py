"""What answers show; `test_webhooks` asks for most of it over HTTP."""

import pytest

from estafeta_core.store.outgoing_rows import Batch
from estafeta_core.webhooks.poster import Answer
from estafeta_web.api import webhook_views


def test_an_answer_is_shown_as_text_and_not_at_length() -> None:
    shown = webhook_views.answer(Answer(500, {"server": "a"}, b"\xff" + b"x" * 100_000))
    assert (shown["status"], shown["headers"]) == (500, {"server": "a"})
    assert shown["body"] == "�" + "x" * (webhook_views.SHOWN_CHARACTERS - 1)


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        (Batch(1, "w", (5, 6), 1000), {"attempts": 0, "state": "waiting", "ts": "1970-01-01T00:00:01.000Z"}),
        (
            Batch(1, "w", (5,), 0, "given_up", tried=2000, attempts=9, failure="no answer in 10 s"),
            {"failure_code": "no answer in 10 s", "ts": "1970-01-01T00:00:02.000Z", "batch_size": 1},
        ),
    ],
)
def test_a_batch_says_what_is_known_of_it(batch: Batch, expected: dict[str, object]) -> None:
    shown = webhook_views.batch(batch)
    assert shown | expected == shown
    assert "response_code" not in shown
