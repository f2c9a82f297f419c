import pytest

from estafeta_core.rules import sender_syntax


@pytest.mark.parametrize("sender", ["", "root", "a@b.example", "bounce+x=y.z@sub.b.test"])
def test_s53_any_address_one_without_a_domain_and_the_empty_sender_pass(sender: str) -> None:
    assert sender_syntax.check(sender) is None


@pytest.mark.parametrize(
    "sender", ["a b", "a@", "@b.example", "a@localhost", "a b@c.example", "<>", "a" * 65 + "@b.test"]
)
def test_other_text_is_refused(sender: str) -> None:
    assert str(sender_syntax.check(sender)) == "553 5.1.7 Bad sender address syntax"
