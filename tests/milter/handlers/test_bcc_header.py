from estafeta_core.headers import Header
from estafeta_milter.handlers import bcc_header
from estafeta_testing.office import FROM, make_job, make_message


def test_s43_a_bcc_copy_shows_its_own_recipient_with_his_name() -> None:
    job = make_job(kind="bcc", rcpt_to="bob@b.example", name="J\u00f6rg")
    after = bcc_header.apply(make_message(), job)
    assert after.headers[-1] == Header("Bcc", b"=?utf-8?B?SsO2cmc=?= <bob@b.example>")


def test_s43_without_a_name_it_shows_the_address() -> None:
    after = bcc_header.apply(make_message(), make_job(kind="bcc", rcpt_to="bob@b\u00fccher.example"))
    assert after.headers[-1] == Header("Bcc", b"bob@xn--bcher-kva.example")


def test_s43_it_shows_nobody_else_whatever_the_client_wrote() -> None:
    before = make_message(headers=(FROM, Header("bcc", b"eve@e.example"), Header("BCC ", b"dan@e.example")))
    after = bcc_header.apply(before, make_job(kind="bcc", rcpt_to="bob@b.example"))
    assert after.headers == (FROM, Header("bcc", b"bob@b.example"))
