from estafeta_core.headers import Header
from estafeta_milter import edits
from estafeta_milter.dkim.signature import Signer
from estafeta_milter.handlers import dkim_signature
from estafeta_testing.office import FROM, HTML, make_job, make_message, packet, queued
from estafeta_testing.signatures import Records, as_sent, private_key, tags

RSA = Signer("acme.example", "s1", private_key("rsa"))
ED25519 = Signer("acme.example", "ed", private_key("ed25519"))
RECORDS = Records({f"{each.selector}._domainkey.acme.example": each.key.record() for each in (RSA, ED25519)})


def test_each_signer_adds_a_field_at_the_end() -> None:
    message = make_message(body=HTML, kind=b"text/html")
    signed = dkim_signature.apply(message, make_job(signers=(RSA, ED25519)))
    assert signed.headers[:-2] == message.headers
    assert [header.name for header in signed.headers[-2:]] == ["DKIM-Signature"] * 2
    assert signed.body is message.body
    assert RECORDS.dkimpy(as_sent(signed.headers[:-1], signed.body)) == [True]


def test_what_is_signed_is_the_message_with_its_changes() -> None:
    message = make_message(body=HTML, kind=b"text/html")
    changed = message.replace_text(message.text_parts()[0], b"<p>" + b"caf\xc3\xa9 " * 500)
    signed = dkim_signature.apply(changed, make_job(signers=(RSA,)))
    left = queued(message).edit([packet(edit) for edit in edits.difference(message, signed.rendered())])
    headers = tuple(Header(name, value) for name, value in left.headers)
    assert b"=C3=A9" in left.body
    RECORDS.assert_valid(as_sent(headers, left.body), "s1")


def test_a_line_that_smtp_would_break_is_broken_first() -> None:
    message = make_message(headers=(FROM,), body=b"x" * 2500 + b"\r\n")
    signed = dkim_signature.apply(message, make_job(signers=(RSA,)))
    assert signed.body == b"x" * 998 + b"\r\n " + b"x" * 997 + b"\r\n " + b"x" * 505 + b"\r\n"
    RECORDS.assert_valid(as_sent(signed.headers, signed.body), "s1")
    assert tags(as_sent(signed.headers, signed.body))["d"] == "acme.example"
