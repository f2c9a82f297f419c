from estafeta_core.options import Options


def test_a_message_that_asks_for_nothing_is_not_rewritten() -> None:
    assert not Options().tracked


def test_either_kind_of_tracking_rewrites_the_body() -> None:
    assert Options(open_tracking=True).tracked
    assert Options(click_tracking=True).tracked
