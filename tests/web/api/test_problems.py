import json

import pytest

from estafeta_web.api import problems


@pytest.mark.parametrize(
    ("problem", "status", "headers"),
    [
        (problems.bad_request("No"), 400, {}),
        (problems.unauthorized(), 401, {"www-authenticate": "Bearer", "connection": "close"}),
        (problems.forbidden(), 403, {"connection": "close"}),
        (problems.not_found(), 404, {}),
        (problems.too_many_guesses(), 429, {"retry-after": "60"}),
        (problems.away(), 503, {"retry-after": "60"}),
        (problems.too_long(), 503, {"retry-after": "60"}),
    ],
)
def test_a_problem_is_an_answer_in_sparkposts_shape(
    problem: problems.Problem, status: int, headers: dict[str, str]
) -> None:
    answer = problem.response()
    [error] = json.loads(bytes(answer.body))["errors"]
    assert (answer.status_code, error["message"]) == (status, str(problem))
    assert answer.headers["content-type"] == "application/json"
    assert headers.items() <= dict(answer.headers).items()


def test_what_there_is_nothing_more_to_say_of_has_no_description() -> None:
    assert json.loads(bytes(problems.bad_request("No").response().body)) == {"errors": [{"message": "No"}]}
    told = json.loads(bytes(problems.bad_request("No", "Because").response().body))
    assert told == {"errors": [{"message": "No", "description": "Because"}]}
