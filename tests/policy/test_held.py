import pytest

from estafeta_policy import held


def test_an_answer_is_held_for_a_second() -> None:
    answers: held.Held[str] = held.Held()
    assert answers.get("key", 0) is None
    assert answers.put("key", "answer", 0) == "answer"
    assert answers.get("key", held.HOLDS - 0.01) == "answer"
    assert answers.get("key", held.HOLDS) is None


def test_what_is_held_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "MAX_HELD", 3)
    answers: held.Held[int] = held.Held()
    for number in range(10):
        answers.put(number, number, 0)
    assert len(answers) <= 3
