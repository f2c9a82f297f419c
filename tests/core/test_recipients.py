from estafeta_core.recipients import KINDS, Recipient


def test_s47_the_kinds_stand_in_the_order_in_which_they_win() -> None:
    assert KINDS == ("", "cc", "bcc", "archive")


def test_s50_whom_rcpt_to_named_has_no_kind_that_events_could_tell() -> None:
    assert Recipient("alice@example.net").kind == ""
