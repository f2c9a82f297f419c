from estafeta_core.headers import Header
from estafeta_milter import edits
from estafeta_milter.handlers import cc_header
from estafeta_testing.office import FROM, make_job, make_message


def test_s42_cc_is_what_was_decided_in_the_place_of_the_clients() -> None:
    before = make_message(headers=(FROM, Header("CC", b"eve@e.example"), Header("Subject", b"Hi")))
    after = cc_header.apply(before, make_job(cc=b"eve@e.example,\n bob@b.example"))
    assert after.headers[1] == Header("CC", b"eve@e.example,\n bob@b.example")
    assert edits.difference(before, after) == [
        edits.ChangeHeader("CC", 1, "eve@e.example,\n bob@b.example"),
    ]


def test_s42_a_message_without_cc_gets_one() -> None:
    after = cc_header.apply(make_message(), make_job(cc=b"bob@b.example"))
    assert after.headers[-1] == Header("Cc", b"bob@b.example")
