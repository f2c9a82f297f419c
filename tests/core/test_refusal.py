import pytest

from estafeta_core.refusal import Refusal


@pytest.mark.parametrize(
    ("refusal", "line"),
    [
        (Refusal(550, "5.6.0", "no"), "550 5.6.0 no"),
        (Refusal(530, "", "Authentication required"), "530 Authentication required"),
    ],
)
def test_a_refusal_reads_as_on_the_wire(refusal: Refusal, line: str) -> None:
    assert str(refusal) == line
