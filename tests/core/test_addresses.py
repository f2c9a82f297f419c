import base64
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from estafeta_core import addresses
from estafeta_core.headers import Header
from estafeta_testing import corpora
from estafeta_testing.cost import at_most

ISEMAIL = corpora.FOLDER / "isemail" / "tests.xml"


# One of each row of the signs that show nothing.
UNSEEN = "\u00ad\u200b\u2066\ufff0\U0001bca0\U0001d173\U000e0020\U000e0100\U000e0fff"


def shown(*values: bytes) -> str | None:
    return addresses.mailbox_of_from([Header("From", value) for value in values])


@pytest.mark.parametrize(
    "value",
    [
        b"me@sender.test",
        b"<me@sender.test>",
        b" me@sender.test ",
        b"Me <me@sender.test>",
        b"Me<me@sender.test>",
        b"John Q. Public <me@sender.test>",
        b'"News, Inc." <me@sender.test>',
        b'"She said \\"hi\\"" <me@sender.test>',
        b'"a" b "c" <me@sender.test>',
        b"me@sender.test (Me)",
        b"(a) <me@sender.test> (b (c))",
        b"[Ticket] Support <me@sender.test>",
        b"=?utf-8?q?Jos=C3=A9?= <me@sender.test>",
        b'"=?utf-8?q?Jos=C3=A9?=" <me@sender.test>',
        "José <me@sender.test>".encode(),
        b"Me\n <me@sender.test>",
        b"Me\r\n\t<me@sender.test>",
        b'"me@sender.test" <me@sender.test>',
        b"=?utf-8?q?me=40SENDER.test?= <me@sender.test>",
        b'"Me (@handle)" <me@sender.test>',
        b'"booking.com" <me@sender.test>',
        b'"" <me@sender.test>',
        b"=?x-unknown?q?Jos=E9?= <me@sender.test>",
        b"=?utf-8?q?Jos=E9 P?= <me@sender.test>",
        b"=?utf-8?b?***?= <me@sender.test>",
        b"=?x-unknown?q?me=40sender.test?= <me@sender.test>",
        "\U0001f44d\ufe0f News <me@sender.test>".encode(),
    ],
)
def test_one_plain_mailbox_is_found(value: bytes) -> None:
    assert shown(value) == "me@sender.test"


def test_the_address_keeps_its_spelling() -> None:
    assert shown(b"<News.Letter+1@Sender.TEST>") == "News.Letter+1@Sender.TEST"
    assert shown("<üser@bücher.test>".encode()) == "üser@bücher.test"


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"me",
        b"<>",
        b"@",
        b"me@",
        b"@sender.test",
        b"me@sender",
        b"<me@sender.test",
        b"me@sender.test>",
        b"me@sender.test, bob@victim.test",
        b"me@sender.test bob@victim.test",
        b"<me@sender.test> <bob@victim.test>",
        b"<me@sender.test>bob@victim.test",
        b"<me@sender.test> bob",
        b"bob@victim.test <me@sender.test>",
        b"me@sender.test <me@sender.test>",
        b"me@victim.test@sender.test",
        b"<me@victim.test@sender.test>",
        b"me@sender.test)bob@victim.test",
        b"(me@sender.test",
        b"((((((me))))))me@sender.test",
        b"Group: me@sender.test;",
        b"Group:;",
        b"<@victim.test:me@sender.test>",
        b"<@victim.test,@b.test:me@sender.test>",
        b"Doe, John <me@sender.test>",
        b"Me; <me@sender.test>",
        b'"me"@sender.test',
        b'"bob@victim.test"@sender.test',
        b"me@[192.0.2.1]",
        b"me@sender.test.",
        b".me@sender.test",
        b"me..you@sender.test",
        b"bob%victim.test@sender.test",
        b"victim.test!bob@sender.test",
        b"me@sender.test\0",
        b"bob@victim.test\0@sender.test",
        b"me\r@sender.test",
        b"me\x1b@sender.test",
        b"me @sender.test",
        b"me@ sender.test",
        b"me(x)@sender.test",
        b"me@sender_x.test",
        b"J\xf6rg <me@sender.test>",
        b"me\xff@sender.test",
        b'"unterminated <me@sender.test>',
        b"\\<bob@victim.test> <me@sender.test>",
        b"=?utf-8?q?me=40sender.test?=",
        b"=?utf-8?q?bob=40victim.test=2C?= me@sender.test",
        b"x" * 5000 + b" <me@sender.test>",
    ],
)
def test_what_any_reader_could_take_for_something_else_is_no_mailbox(value: bytes) -> None:
    assert shown(value) is None


@pytest.mark.parametrize(
    "value",
    [
        b'"bob@victim.test" <me@sender.test>',
        b'"bob\\@victim.test" <me@sender.test>',
        b'"bob" "@" "victim.test" <me@sender.test>',
        b"me@sender.test (bob@victim.test)",
        b"=?utf-8?q?bob=40victim.test?= <me@sender.test>",
        b"=?utf-8?b?Ym9iQHZpY3RpbS50ZXN0?= <me@sender.test>",
        b'"=?utf-8?q?=3Cbob=40victim.test=3E?=" <me@sender.test>',
        b"=?utf-8?q?bob=40vic?= =?utf-8?q?tim.test?= <me@sender.test>",
        b"=?utf-7?q?bob+AEA-victim.test?= <me@sender.test>",
        '"bob\uff20victim.test" <me@sender.test>'.encode(),
        '"bob@victim\u3002test" <me@sender.test>'.encode(),
        '"bob@v\u0456ctim.test" <me@sender.test>'.encode(),
        '"\u202etset.mitciv@bob" <me@sender.test>'.encode(),
        b'"bob@sender.test.victim.test" <me@sender.test>',
        b'"me@sender.test, bob@victim.test" <me@sender.test>',
        *(f'"bob@{sign}victim.test" <me@sender.test>'.encode() for sign in UNSEEN),
        b"=?utf-8?q?bob=40=00victim.test?= <me@sender.test>",
        b"=?x-unknown?q?bob=40victim.test?= <me@sender.test>",
        b"=??q?bob=40victim.test?= <me@sender.test>",
        b"=?utf-8?q?bob=40victim.test=FF?= <me@sender.test>",
        b"=?utf-8?q?bob=40=8Fvictim.test?= <me@sender.test>",
        b"=?utf-8?q?bob=40victim.test ok?= <me@sender.test>",
        b"=?utf-8?q?bob=40victim.test <me@sender.test>",
        b"=?utf-8?b?Ym9iQHZpY3RpbS50ZXN0!?= <me@sender.test>",
        b"=?utf-8?b?Ym9i?= =?x?b?QHZpY3RpbS50ZXN0?= <me@sender.test>",
        b"=?cp037?q?bob=40victim=2Etest?= <me@sender.test>",
        b"me@sender.test (=?x-unknown?q?bob=40victim.test?=)",
    ],
)
def test_a_name_or_comment_that_shows_an_address_of_another_domain_is_refused(value: bytes) -> None:
    assert shown(value) is None


def test_exactly_one_from_is_taken_however_it_is_spelled() -> None:
    field = Header("From", b"me@sender.test")
    assert addresses.mailbox_of_from([]) is None
    assert addresses.mailbox_of_from([field, field]) is None
    assert addresses.mailbox_of_from([field, Header("FROM", b"bob@victim.test")]) is None
    assert addresses.mailbox_of_from([field, Header("From ", b"bob@victim.test")]) is None
    assert addresses.mailbox_of_from([Header("From ", b"me@sender.test")]) is None
    assert addresses.mailbox_of_from([Header("fRoM", b"me@sender.test"), Header("To", b"x")]) is not None


@given(
    st.binary(max_size=300) | st.text(alphabet='me@sender.test<>()",:;\\ \t=?', max_size=60).map(str.encode)
)
def test_what_is_found_is_always_an_address_that_stands_in_the_value(value: bytes) -> None:
    found = shown(value)
    if found is not None:
        assert addresses.is_address(found)
        assert found.encode() in value
        assert addresses.domain_of(found) is not None


@given(st.text(alphabet='abv@<>()",:;\\ .=?', max_size=40))
def test_no_display_text_brings_in_a_second_domain(name: str) -> None:
    value = f"{name}<me@sender.test>".encode()
    assert shown(value) in (None, "me@sender.test")


@pytest.mark.parametrize(
    "piece",
    [b"(", b'"', b"<", b"\\", b"a ", b"@", b"=?", b"=?utf-8?q?a?= ", b"=?x?q?", b"=??b?", b'"a" ', b"(a)"],
)
def test_hostile_values_cost_no_time(piece: bytes) -> None:
    with at_most(0.1):
        shown(piece * (60_000 // len(piece)))
        shown(piece * (4000 // len(piece)) + b"<me@sender.test>")


def test_an_own_address_outside_ascii_may_be_the_name() -> None:
    word = base64.b64encode("me@bücher.test".encode()).decode()
    assert shown(f"=?utf-8?b?{word}?= <me@bücher.test>".encode()) == "me@bücher.test"


def listed(*values: bytes, name: str = "reply-to") -> tuple[str, ...] | None:
    """Return the addresses in fields of these values."""
    return addresses.mailboxes([Header("Reply-To", value) for value in values], name)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"a@one.test", ["a@one.test"]),
        (b"a@one.test, b@two.test", ["a@one.test", "b@two.test"]),
        (b"a@one.test,b@two.test,c@one.test", ["a@one.test", "b@two.test", "c@one.test"]),
        (b"A <a@one.test> , <b@two.test>", ["a@one.test", "b@two.test"]),
        (b'"News, Inc." <a@one.test>, b@two.test (B, he says)', ["a@one.test", "b@two.test"]),
        (b"(all) <a@one.test> (one), (two) <b@two.test>", ["a@one.test", "b@two.test"]),
        (b"a@one.test,\n b@two.test", ["a@one.test", "b@two.test"]),
        (b"a@one.test,\r\n\t<b@two.test>", ["a@one.test", "b@two.test"]),
        (b"=?utf-8?q?Jos=C3=A9?= <a@one.test>, a@one.test", ["a@one.test", "a@one.test"]),
        ("José <a@one.test>, ü@bücher.test".encode(), ["a@one.test", "ü@bücher.test"]),
        (b"News.Letter@One.TEST", ["News.Letter@One.TEST"]),
        (b"", []),
        (b"  \t", []),
    ],
)
def test_t22_every_address_of_a_list_is_found_as_it_is_written(value: bytes, found: list[str]) -> None:
    assert listed(value) == tuple(found)


@pytest.mark.parametrize(
    "value",
    [
        b",",
        b"a@one.test,",
        b",a@one.test",
        b"a@one.test,,b@two.test",
        b"a@one.test, (nobody), b@two.test",
        b"a@one.test, ",
        b"a@one.test; b@two.test",
        b"a@one.test b@two.test",
        b"<a@one.test> <b@two.test>",
        b"<a@one.test, b@two.test>",
        b"a@one.test, bob",
        b"bob, a@one.test",
        b"Doe, John <a@one.test>",
        b"bob",
        b"<>",
        b"(nobody)",
        b"(all) a@one.test",
        b"undisclosed-recipients:;",
        b"Group: a@one.test;",
        b"Group: a@one.test, b@two.test;, c@one.test",
        b"Group:;",
        b"<@two.test:a@one.test>",
        b'"a"@one.test',
        b"a@[192.0.2.1]",
        b"a%two.test@one.test",
        b"two.test!a@one.test, a@one.test",
        b"a@one.test, b@two",
        b"a@one.test, b@@two.test",
        b"a@one.test)b@two.test",
        b"(a@one.test, b@two.test",
        b'"a@one.test, b@two.test',
        b"a@one.test\\, b@two.test",
        b"a@one.test\0, b@two.test",
        b"a@one.test\r, b@two.test",
        b"a@one.test, J\xf6rg <b@two.test>",
        b"=?utf-8?q?a=40one.test=2C?= b@two.test",
        b'"b@two.test" <a@one.test>',
        b"x@one.test, =?utf-8?q?b=40two.test?= <a@one.test>",
        b"x@one.test, a@one.test (b@two.test)",
        '"b\uff20two.test" <a@one.test>'.encode(),
        '"b@\u200btwo.test" <a@one.test>, c@one.test'.encode(),
        "a@one.test\uff0c b@two.test".encode(),
        b"a@one.test," + b" " * 5000,
    ],
)
def test_e1_e2_e4_a_list_that_readers_may_understand_differently_is_none(value: bytes) -> None:
    assert listed(value) is None


def test_each_field_of_the_name_counts_however_it_is_spelled() -> None:
    fields = [
        Header("Reply-To", b"a@one.test"),
        Header("From", b"x@one.test"),
        Header("REPLY-TO", b"b@two.test, c@one.test"),
        Header("Reply-To ", b"d@one.test"),
        Header("Reply-To", b""),
    ]
    assert addresses.mailboxes(fields, "reply-to") == ("a@one.test", "b@two.test", "c@one.test", "d@one.test")
    assert addresses.mailboxes(fields, "sender") == ()
    assert addresses.mailboxes([], "reply-to") == ()


def test_one_field_that_cannot_be_read_makes_the_whole_unreadable() -> None:
    assert listed(b"a@one.test", b"undisclosed-recipients:;", b"b@two.test") is None


def test_a_list_of_one_is_what_from_may_hold_and_a_longer_one_is_not() -> None:
    assert shown(b"a@one.test") == "a@one.test"
    assert shown(b"a@one.test, b@one.test") is None
    assert shown(b"") is None


@given(st.binary(max_size=300) | st.text(alphabet='ab@one.test<>()",:;\\ \t=?', max_size=80).map(str.encode))
def test_what_is_found_in_a_list_are_addresses_that_stand_in_the_value(value: bytes) -> None:
    for found in listed(value) or ():
        assert addresses.is_address(found)
        assert found.encode() in value


@given(st.lists(st.sampled_from(["a@one.test", "B <b@two.test>", '"C, c" <c@one.test>', "(x) <d@one.test>"])))
def test_a_list_is_the_sum_of_its_parts(parts: list[str]) -> None:
    alone = [listed(part.encode()) for part in parts]
    assert listed(", ".join(parts).encode()) == tuple(found for each in alone for found in each or ())


@pytest.mark.parametrize(
    "piece",
    [
        b"a@one.test,",
        b",",
        b'"a" <a@one.test>,',
        b"(a) a@one.test,",
        b"(",
        b'"',
        b"<",
        b"a ",
        b"@,",
        b"=?",
        b"x,",
    ],
)
def test_hostile_lists_cost_no_time(piece: bytes) -> None:
    with at_most(0.2):
        for count in (60_000, 4_000):
            listed(piece * (count // len(piece)))
            listed(piece * (count // len(piece)) + b"<a@one.test>")


def isemail() -> list[tuple[str, str]]:
    """Return address and category of each vector; control characters are written as symbols there."""
    if not ISEMAIL.exists():
        return []
    symbols = {0x2400 + code: chr(code) for code in range(0x20)}
    tests = ElementTree.parse(ISEMAIL).iter("test")
    return [
        ((test.findtext("address") or "").translate(symbols), test.findtext("category") or "")
        for test in tests
    ]


@pytest.mark.skipif(not isemail(), reason="no isemail vectors")
def test_e2_isemail_vectors_valid_on_the_internet_are_taken_and_no_others() -> None:
    plain = {"ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN"}
    differing = {
        (address, category)
        for address, category in isemail()
        if addresses.is_address(address) != (category in plain)
    }
    assert differing == {("test@io", "ISEMAIL_VALID_CATEGORY")}  # a domain of one label is nobody's


@pytest.mark.skipif(not isemail(), reason="no isemail vectors")
def test_e2_isemail_vectors_in_from_show_the_only_address_they_hold_or_nothing() -> None:
    for address, _category in isemail():
        found = shown(address.encode())
        assert found is None or (found in address and address.count("@") == 1)


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example",
        "a@b.test",
        "a@b.invalid",
        "a@b.localhost",
        "a@b.local",
        "a@b.internal",
        "A@B.ORG",
        "a'b+c=d{}|~!%@b.org",
        "a@1.2.org",
        "a" * 64 + "@b.org",
        "a@" + "b" * 63 + ".org",
        "ü@ü.org",
    ],
)
def test_addresses_operators_use_are_addresses(address: str) -> None:
    assert addresses.is_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "a@",
        "@b.org",
        "a@localhost",
        "a@b",
        "a@b.org\n",
        "a b@c.org",
        "a@b.org ",
        "<a@b.org>",
        "a@b..org",
        "a" * 65 + "@b.org",
        "a@" + "b" * 64 + ".org",
        "a@" + "b." * 130 + "org",
        '"a b"@c.org',
        "a@[192.0.2.1]",
        "a@b.123",
        "a@-b.org",
        "a\0@b.org",
        "a@b.org\r\nRCPT TO:<x@y.org>",
        "a\udcff@b.org",
        "a@b_c.org",
        "Me <a@b.org>",
        "-f@b.org",
    ],
)
def test_other_text_is_no_address(address: str) -> None:
    assert not addresses.is_address(address)


def test_text_outside_ascii_needs_smtputf8() -> None:
    assert addresses.is_address("ü@b.org")
    assert not addresses.is_address("ü@b.org", smtputf8=False)


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("a@Acme.EXAMPLE", "acme.example"),
        ("a@münchen.example", "xn--mnchen-3ya.example"),
        ("a@XN--MNCHEN-3YA.example", "xn--mnchen-3ya.example"),
        ("a@\uff41cme.example", "acme.example"),
        ("a@acme\u3002example", "acme.example"),
        ("a@\u0430cme.example", "xn--cme-5cd.example"),  # a Cyrillic letter that looks like ours
        ("not an address", None),
    ],
)
def test_domains_are_compared_as_lower_case_a_labels(address: str, domain: str | None) -> None:
    assert addresses.domain_of(address) == domain
    if domain is not None:
        assert addresses.a_label(address.partition("@")[2]) == domain


@pytest.mark.parametrize(
    "domain", ["", ".", "a..b", "*.example.com", "a@b.c", "localhost", "b.com.", "192.0.2.1"]
)
def test_other_text_is_no_domain(domain: str) -> None:
    assert addresses.a_label(domain) is None


@pytest.mark.parametrize(
    "name",
    [
        "ceo@\u200bvictim.test",
        "ceo\u2060@\u2060victim\u2060.test",
        "ceo@vic\u00adtim.test",
        "ceo@\ufeffvictim.test",
    ],
)
def test_signs_that_show_nothing_hide_no_address_of_another_domain(name: str) -> None:
    assert shown(f'"{name}" <me@sender.test>'.encode()) is None
    encoded = base64.b64encode(name.encode())
    assert shown(b"=?utf-8?b?%s?= <me@sender.test>" % encoded) is None


def test_what_is_too_long_for_an_address_is_not_remembered() -> None:
    """Clients choose what the caches hold: a Postfix line of 2,000 bytes, or a From of 60,000."""
    before = addresses._domain_of.cache_info(), addresses._mailboxes.cache_info()
    long = "a" * 300 + "@sender.test"
    assert not addresses.is_address(long)
    assert addresses.domain_of(long) is None
    assert shown(b'"' + b"a" * addresses.FROM_LIMIT + b'" <me@sender.test>') is None
    assert (addresses._domain_of.cache_info(), addresses._mailboxes.cache_info()) == before


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("Bob@Example.NET", "bob@example.net"),
        ("bob@bücher.example", "bob@xn--bcher-kva.example"),
        ("BOB@xn--bcher-kva.example", "bob@xn--bcher-kva.example"),
        ("bob@BÜCHER.example", "bob@xn--bcher-kva.example"),
        ("no address", "no address"),
        ("", ""),
    ],
)
def test_every_spelling_of_a_mailbox_has_one_key(address: str, key: str) -> None:
    assert addresses.mailbox_key(address) == key


_LABEL = st.text("abcXYZ019-\u00e4", min_size=1, max_size=70)
_LOCAL_PARTS = st.text('abYZ09.+-_!"\\ \u00e9', max_size=70)


@given(_LOCAL_PARTS, st.lists(_LABEL, max_size=4).map(".".join))
def test_what_is_remembered_of_a_domain_tells_the_same_of_its_addresses(local_part: str, domain: str) -> None:
    """Addresses are checked part by part where that is as good as together."""
    address = f"{local_part}@{domain}"
    together = addresses._validated(address) if len(address) <= addresses.ADDRESS_LIMIT else None
    assert addresses.domain_of(address) == (together.ascii_domain.lower() if together else None)


@given(
    st.text(alphabet="abz09-.", max_size=24)
    | st.from_regex(r"[a-z0-9-]{1,64}(\.[a-z0-9-]{1,64}){0,4}", fullmatch=True)
)
@example("a" * 63 + ".example")
@example("a" * 64 + ".example")
@example(("a" * 62 + ".") * 3 + "example")
@example("example")
@example("a.b-")
@example("a.4")
@example("xn--mnchen-3ya.example")
def test_a_plain_domain_is_what_the_library_says_it_is(domain: str) -> None:
    found = addresses._validated("postmaster@" + domain)
    assert addresses.a_label(domain) == (None if found is None else found.ascii_domain.lower())
