import email.policy
from email import message_from_bytes
from email.headerregistry import AddressHeader

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core import rfc2047
from estafeta_core.headers import Header, unfold
from estafeta_core.options import Addressee
from estafeta_milter import addressees
from estafeta_milter.addressees import LINE, ascii_address, cc, encoded_words, mailbox, with_field
from estafeta_testing.office import FROM, make_message

BOB = Addressee("bob@b.example", "Bob")


def read(value: bytes) -> list[tuple[str, str]]:
    """Return name and address of each mailbox, as Python's library reads them."""
    message = message_from_bytes(b"Cc: " + value + b"\n\n", policy=email.policy.default)
    field = message["Cc"]
    assert isinstance(field, AddressHeader)
    return [(each.display_name, each.addr_spec) for each in field.addresses]


def merged(*own: bytes, new: tuple[Addressee, ...] = (BOB,)) -> bytes:
    return cc([FROM, *(Header("Cc", value) for value in own)], new)


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("Bob@B.example", "Bob@B.example"),
        ("bob@B\u00fccher.example", "bob@xn--bcher-kva.example"),
        ("j\u00f6rg@b.example", None),
        ("bob@\udcff", None),
    ],
)
def test_a_domain_is_written_in_a_labels_and_a_local_part_outside_ascii_not_at_all(
    address: str, written: str | None
) -> None:
    assert ascii_address(address) == written


def test_an_address_that_ascii_cannot_say_is_never_written() -> None:
    with pytest.raises(ValueError, match="outside ASCII"):
        mailbox("j\u00f6rg@b.example", "J\u00f6rg")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("", b"bob@b.example"),
        ("  ", b"bob@b.example"),
        ("Bob", b"Bob <bob@b.example>"),
        (" Bob B ", b"Bob B <bob@b.example>"),
        ("J. Doe", b'"J. Doe" <bob@b.example>'),
        ("Doe, John (x); y:z", b'"Doe, John (x); y:z" <bob@b.example>'),
        ("Bob" * 20, b"Bob" * 20 + b"\n <bob@b.example>"),
    ],
)
def test_a_name_in_ascii_is_written_as_it_reads(name: str, written: bytes) -> None:
    assert mailbox("bob@b.example", name) == written


NAMES = [
    "J\u00f6rg",
    'The "Boss"',
    "back\\slash",
    "ceo@bank.example",
    "ceo@bank.example <ceo@bank.example>,",
    "x <y",
    "=?utf-8?Q?eve@e.example,?=",
    "=?utf-8?B?DQpCY2M6IGV2ZUBlLmV4YW1wbGU=?=",
    "\u0645\u0631\u062d\u0628\u0627 \u202eabc",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 20,
    "x" * 1024,
    "word " * 204 + "end",
    "\u4e2d" * 341,
    "a@" * 500,
]


@pytest.mark.parametrize("name", NAMES)
def test_s42_any_other_name_is_encoded_and_reads_as_it_was_given(name: str) -> None:
    value = mailbox("bob@b.example", name)
    assert b"@" not in value.replace(b"<bob@b.example>", b"")
    assert b'"' not in value
    assert rfc2047.decode(unfold(value)) == f"{name} <bob@b.example>"
    # Python's library shows the space between two words (RFC 2047 section 6.2 says it should not).
    assert [(shown.replace(" ", ""), at) for shown, at in read(value)] == [
        (name.replace(" ", ""), "bob@b.example")
    ]


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=300))
def test_whatever_the_name_there_is_one_mailbox_in_lines_of_ascii(name: str) -> None:
    value = mailbox("bob@b.example", name)
    assert value.isascii()
    assert all(len(line) <= LINE for line in (b"Bcc: " + value + b",").split(b"\n"))
    assert all(line.startswith(b" ") for line in value.split(b"\n")[1:])
    assert [address for _, address in read(value)] == ["bob@b.example"]
    for word in encoded_words(name.encode()):
        assert len(word) <= 75
        assert "?=" not in rfc2047.decode(word) or "?=" in name  # each can be decoded by itself


def test_a_long_address_is_on_a_line_of_its_own() -> None:
    address = "x" * 64 + "@" + ".".join(["y" * 60] * 3) + ".example"
    assert mailbox(address, "J\u00f6rg") == b"=?utf-8?B?SsO2cmc=?=\n <" + address.encode() + b">"


@pytest.mark.parametrize(
    ("own", "value"),
    [
        ((), b"Bob <bob@b.example>"),
        ((b"",), b"Bob <bob@b.example>"),
        ((b" eve@e.example ",), b"eve@e.example,\n Bob <bob@b.example>"),
        ((b"Eve\n\t<eve@e.example> (x),",), b"Eve\n\t<eve@e.example> (x),\n Bob <bob@b.example>"),
        ((b"Team: eve@e.example;",), b"Team: eve@e.example;,\n Bob <bob@b.example>"),
        ((b"eve@e.example", b"", b"dan@e.example"), b"eve@e.example,\n dan@e.example,\n Bob <bob@b.example>"),
        (("J\u00f6rg <j@e.example>".encode(),), "J\u00f6rg <j@e.example>,\n Bob <bob@b.example>".encode()),
        (
            (b'eve@e.example, "Dan', b"x@e.example"),
            b'x@e.example,\n Bob <bob@b.example>,\n eve@e.example, "Dan',
        ),
    ],
)
def test_s42_the_clients_own_cc_stays_and_the_list_comes_behind(own: tuple[bytes, ...], value: bytes) -> None:
    assert merged(*own) == value


@pytest.mark.parametrize(
    "own",
    [b"bob@b.example", b"Robert <BOB@B.example>", b'"bob"@b.example', b"Team: x@e.example, bob@b.example;"],
)
def test_s42_who_is_there_already_is_not_named_again(own: bytes) -> None:
    assert merged(own) == b""
    both = merged(own, new=(Addressee("Bob@b.example"), Addressee("al@b.example")))
    assert both == own + b",\n al@b.example"


def test_s47_an_address_twice_in_the_list_is_shown_once_under_its_first_name() -> None:
    twice = (BOB, Addressee("BOB@B.EXAMPLE", "Robert"), Addressee("al@b\u00fccher.example"))
    again = Addressee("al@xn--bcher-kva.example")
    assert merged(new=(*twice, again)) == b"Bob <bob@b.example>,\n al@xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("own", "value"),
    [
        (b"J\xf6rg <j@e.example>", b"=?unknown-8bit?B?SvZyZw==?= <j@e.example>"),
        (b'"M\xfcller, J" <j@e.example>', b"=?unknown-8bit?B?TfxsbGVyLCBK?= <j@e.example>"),
        (b"j@e.example (J\xf6rg)", b"j@e.example (=?unknown-8bit?B?SvZyZw==?=)"),
        (b"J\xf6=rg <j@e.example>", b"=?unknown-8bit?B?SvY9cmc=?= <j@e.example>"),
        (b"<j\xf6@e.example>, Eve <e@e.example>", b"=?unknown-8bit?B?avZAZS5leGFtcGxl?=, Eve <e@e.example>"),
    ],
)
def test_text_of_no_known_charset_keeps_its_bytes_in_encoded_words(own: bytes, value: bytes) -> None:
    """A milter hands over text, and Postfix takes it as UTF-8."""
    assert merged(own) == value + b",\n Bob <bob@b.example>"
    assert merged(own, new=(Addressee("e@e.example"),)) in (b"", value + b",\n e@e.example")


@given(st.lists(st.binary(max_size=80), max_size=3))
def test_whatever_cc_holds_what_is_written_is_text_and_names_everybody(own: list[bytes]) -> None:
    value = merged(*own)
    value.decode()
    # The addressees stand where no quote, comment or angle of the client's is open.
    assert value == b"" or b"bob@b.example" in value


def test_f17_a_list_of_a_thousand_fits_and_a_longer_field_is_noticed() -> None:
    many = tuple(Addressee(f"reader{number}@department.example.com") for number in range(1000))
    assert len(merged(new=many)) < addressees.LIMIT
    named = tuple(Addressee(each.email, "N" * 30) for each in many)
    assert len(merged(new=named)) > addressees.LIMIT


def test_a_field_takes_the_place_of_the_first_and_the_others_go() -> None:
    before = make_message(headers=(Header("cc ", b"1"), FROM, Header("CC", b"2")))
    after = with_field(before, "Cc", b"new").headers
    assert after == (Header("cc", b"new"), FROM)
    assert after[1] is FROM


def test_a_field_that_is_not_there_comes_behind_the_others() -> None:
    assert with_field(make_message(headers=(FROM,)), "Cc", b"new").headers == (FROM, Header("Cc", b"new"))
