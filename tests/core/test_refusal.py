from estafeta_core.refusal import Refusal


def test_a_refusal_reads_as_on_the_wire() -> None:
    assert str(Refusal(550, "5.6.0", "no")) == "550 5.6.0 no"
