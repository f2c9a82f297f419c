import copy

from estafeta_postfix.demo.afterwards import RECIPIENTS, run
from estafeta_testing.sandbox import Sandbox


def test_what_happens_after_is_told_everywhere_and_the_next_message_is_not_sent(sandbox: Sandbox) -> None:
    said: list[str] = []
    assert run(sandbox.description, said.append) == 0, "\n".join(said)
    text = "\n".join(said)
    for expected in (
        f"✓ {RECIPIENTS[1]}: out_of_band",
        "✓ GET /api/v1/events/message has these events",
        "✓ the webhook got them, signed",
        "✓ the page says Bounced",
        "✓ it is not sent",
        "554 5.7.1 recipient address was suppressed",
    ):
        assert expected in text


def test_a_key_that_may_do_nothing_is_one_failure(sandbox: Sandbox) -> None:
    description = copy.deepcopy(sandbox.description)
    next(each for each in description["credentials"] if each["id"] == "acme/main")["password"] = "wrong"
    said: list[str] = []
    assert run(description, said.append) == 1
    assert any(line.startswith("  ✗ POST /api/v1/webhooks") for line in said)
