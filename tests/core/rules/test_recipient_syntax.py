import pytest

from estafeta_core.rules import recipient_syntax


@pytest.mark.parametrize("recipient", ["a@b.example", "A.b+c@D.test"])
def test_addresses_pass(recipient: str) -> None:
    assert recipient_syntax.check(recipient) is None


@pytest.mark.parametrize(
    "recipient", ["", "a", "a@", "a@b", "a@b@c.example", "a\udcff@b.example", '"a b"@c.test']
)
def test_other_text_is_refused(recipient: str) -> None:
    assert str(recipient_syntax.check(recipient)) == "553 5.1.3 Bad recipient address syntax"
