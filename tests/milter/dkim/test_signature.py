import re
from pathlib import Path

import dkim  # type: ignore[import-untyped]  # it comes without types
import pytest

from estafeta_core.headers import Header
from estafeta_milter.dkim.signature import NAME, Hashed, Signer
from estafeta_testing import corpora
from estafeta_testing.signatures import Records, as_sent, private_key, tags

DOMAIN = "acme.example"
RSA = Signer(DOMAIN, "s1", private_key("rsa"))
ED25519 = Signer(DOMAIN, "ed", private_key("ed25519"))
RECORDS = Records({f"{each.selector}._domainkey.{DOMAIN}": each.key.record() for each in (RSA, ED25519)})
HEADERS = (
    Header("Received", b"from a by b"),
    Header("From", "José <news@acme.example>".encode()),
    Header("To", b"alice@example.net,\n\tbob@example.net"),
    Header("Subject", b"  two  words \n\t and more\t"),
    Header("Date", b"Fri, 20 Nov 2026 12:00:00 +0000"),
    Header("Cc", b""),
    Header("List-Unsubscribe", b"<mailto:u@bounce.example.com>,\n\t<https://click.example.com/u/x>"),
    Header("List-Unsubscribe-Post", b"List-Unsubscribe=One-Click"),
    Header("X-MSFBL", b"a" * 70 + b"\n\t" + b"b" * 70),
)
BODY = b"Hello  \t there \r\n\r\n caf\xe9 \r\n\r\n\r\n"


def signed(
    headers: tuple[Header, ...] = HEADERS, body: bytes = BODY, signer: Signer = RSA
) -> tuple[Header, ...]:
    return (*headers, Header(NAME, signer.sign(Hashed.of(headers, body))))


@pytest.mark.parametrize("signer", [RSA, ED25519], ids=["rsa", "ed25519"])
@pytest.mark.parametrize(
    "body", [BODY, b"", b"\r\n", b"no line end", b".\r\n..\r\n", bytes(range(14, 256)) + b"\r\n"]
)
def test_a_signature_verifies(signer: Signer, body: bytes) -> None:
    RECORDS.assert_valid(as_sent(signed(body=body, signer=signer), body), signer.selector)


def test_what_hosts_on_the_way_do_to_white_space_breaks_nothing() -> None:
    headers = tuple(Header(each.name.upper(), each.value.replace(b"\n", b"")) for each in signed())
    RECORDS.assert_valid(as_sent(headers, b"Hello there\r\n\r\n caf\xe9\r\n"), "s1")


@pytest.mark.parametrize(
    "added",
    [Header(name, b"mallory@example.org") for name in ("From", "To", "Cc", "Reply-To", "Subject", "Sender")]
    + [
        Header("MIME-Version", b"1.0"),
        Header("Content-Type", b"text/html"),
        Header("List-Unsubscribe", b"<x:>"),
    ],
    ids=lambda header: header.name,
)
def test_nobody_puts_another_field_on_top(added: Header) -> None:
    headers = (*HEADERS, Header("Sender", b"x@acme.example"))
    message = as_sent((added, *signed(headers)), BODY)
    assert RECORDS.dkimpy(message) == [False]
    assert RECORDS.opendkim(message) == ("s1", "failed")


@pytest.mark.parametrize("name", ["Bcc", "Received", "Return-Path", "X-Estafeta-Pool", "X-Anything"])
def test_fields_that_come_and_go_on_the_way_are_free(name: str) -> None:
    RECORDS.assert_valid(as_sent((Header(name, b"x"), *signed()), BODY), "s1")


def test_a_changed_body_or_field_breaks_it() -> None:
    headers = signed()
    assert RECORDS.dkimpy(as_sent(headers, BODY + b"more\r\n")) == [False]
    changed = (*headers[:6], Header("List-Unsubscribe", b"<https://evil.example/>"), *headers[7:])
    assert RECORDS.dkimpy(as_sent(changed, BODY)) == [False]


def test_one_click_unsubscription_is_covered_as_rfc_8058_wants() -> None:
    said = tags(as_sent(signed(), BODY))
    assert {"List-Unsubscribe", "List-Unsubscribe-Post", "X-MSFBL"} <= set(said["h"].split(":"))
    assert not {"Bcc", "Received"} & set(said["h"].split(":"))
    assert (said["v"], said["a"], said["c"], said["d"]) == ("1", "rsa-sha256", "relaxed/relaxed", DOMAIN)
    assert not {"t", "x", "l"} & said.keys()


@pytest.mark.parametrize("signer", [RSA, ED25519], ids=["rsa", "ed25519"])
def test_the_same_message_has_the_same_signature(signer: Signer) -> None:
    assert signed(signer=signer) == signed(signer=signer)


def test_both_keys_sign_one_message() -> None:
    hashed = Hashed.of(HEADERS, BODY)
    headers = (*HEADERS, *(Header(NAME, signer.sign(hashed)) for signer in (RSA, ED25519)))
    message = as_sent(headers, BODY)
    assert len(re.findall(rb"^DKIM-Signature:", message, re.MULTILINE)) == 2
    for signer in (RSA, ED25519):
        alone = tuple(
            each for each in headers if each.name != NAME or f"s={signer.selector};".encode() in each.value
        )
        RECORDS.assert_valid(as_sent(alone, BODY), signer.selector)
    verified = dkim.DKIM(message).verify(idx=0, dnsfunc=lambda *_, **__: RSA.key.record().encode())
    assert verified


def test_a_long_signature_is_folded() -> None:
    (field,) = [header for header in signed() if header.name == NAME]
    lines = (f"{NAME}: ".encode() + field.value).split(b"\n")
    assert max(map(len, lines)) <= 78
    assert all(line.startswith(b"\t") for line in lines[1:])


def test_a_message_of_fifty_thousand_fields_has_a_short_signature() -> None:
    headers = (*HEADERS, *(Header(f"Content-{number}", b"x") for number in range(25_000)))
    headers += tuple(Header("To", b"x@y.example") for _ in range(25_000))
    (field,) = [header for header in signed(headers) if header.name == NAME]
    assert len(field.value) < 2000


def test_a_copied_signature_does_not_sign_another_message() -> None:
    assert RECORDS.dkimpy(as_sent(signed()[:-1] + signed(body=b"x\r\n")[-1:], BODY)) == [False]


@pytest.mark.parametrize("path", corpora.parameters(corpora.messages()))
def test_every_message_of_the_corpora_verifies(path: Path) -> None:
    headers, body = corpora.received(path.read_bytes())
    if not any(header.key == "from" for header in headers):
        headers = (*headers, Header("From", b"news@acme.example"))
    headers = tuple(header for header in headers if header.key != NAME.lower())  # other people's
    message = corpora.whole(signed(headers, body), body)
    assert RECORDS.dkimpy(message) == [True]
