"""URLs, return paths and X-MSFBL: made and read back, and nothing else read."""

import base64
import hashlib
import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core.config.schema import Config, Hosting
from estafeta_core.hosting import NAME_BYTES, file_name
from estafeta_core.links import NAME_CHARACTERS, Feedback, Links, is_target
from estafeta_core.tokens import TARGET_BYTES, Kind, Token

KEY = bytes(range(32))
LINKS = Links([KEY], "https://click.example.com/", "bounce.example.com")
TARGET = b"https://example.com/a;b?c=%C3%A4&d=\xe4#e"
DIGEST = hashlib.sha256(b"content").digest()
message_ids = st.integers(0, 2**63 - 1)


def token_of(url: str, path: str) -> Token | None:
    prefix = f"https://click.example.com/{path}/"
    assert url.startswith(prefix)
    return LINKS.read(url.removeprefix(prefix).removesuffix(".gif"))


@pytest.mark.parametrize(("amp", "kind"), [(False, Kind.CLICK), (True, Kind.AMP_CLICK)])
@pytest.mark.parametrize("shared", [False, True])
def test_a_click_leads_to_its_exact_target(amp: bool, kind: Kind, shared: bool) -> None:
    url = LINKS.click(7, TARGET, "a name", shared=shared, amp=amp)
    assert token_of(url, "c") == Token(kind, 7, shared, TARGET, "a name")


def test_a_target_may_be_text() -> None:
    assert token_of(LINKS.click(7, "HTTP://Example.com/ñ"), "c") == Token(
        Kind.CLICK, 7, target="HTTP://Example.com/ñ".encode()
    )


def test_a_long_link_name_is_cut_between_characters() -> None:
    read = token_of(LINKS.click(7, TARGET, "ñ" * 100), "c")
    assert read is not None
    assert read.name == "ñ" * NAME_CHARACTERS


@pytest.mark.parametrize("initial", [False, True])
def test_a_pixel_tells_top_from_bottom(initial: bool) -> None:
    url = LINKS.pixel(8, initial=initial, shared=True)
    assert url.endswith(".gif")
    assert token_of(url, "o") == Token(Kind.INITIAL_OPEN if initial else Kind.OPEN, 8, shared=True)


def test_unsubscribe_links_tell_header_from_body_and_may_lead_on() -> None:
    assert token_of(LINKS.unsubscribe(9), "u") == Token(Kind.LIST_UNSUBSCRIBE, 9)
    url = LINKS.unsubscribe(9, via="link", target="https://example.com/bye", name="bye")
    assert token_of(url, "u") == Token(Kind.LINK_UNSUBSCRIBE, 9, False, b"https://example.com/bye", "bye")


def test_a_web_version_names_the_copy_it_shows() -> None:
    assert token_of(LINKS.web_version(9), "w") == Token(Kind.WEB_VERSION, 9)


def test_t29_a_file_is_its_digest_and_its_name_and_the_same_for_all_copies() -> None:
    url = LINKS.file(9, DIGEST, "año 2026.pdf")
    token, _, shown = url.removeprefix("https://click.example.com/f/").partition("/")
    assert LINKS.read(token) == Token(Kind.FILE, 9, True, DIGEST, "año 2026.pdf")
    assert shown == "a%C3%B1o%202026.pdf"


def test_t31_an_image_is_its_digest_alone() -> None:
    assert token_of(LINKS.image(9, DIGEST), "i") == Token(Kind.IMAGE, 9, True, DIGEST)


@given(message_ids, st.binary(min_size=32, max_size=32), st.text(max_size=300))
def test_h5_whatever_a_file_is_called_its_url_is_one_segment_behind_the_token(
    id_: int, digest: bytes, name: str
) -> None:
    url = LINKS.file(id_, digest, name)
    empty, kind, token, shown = urlsplit(url).path.split("/")
    assert (empty, kind) == ("", "f")
    assert LINKS.read(token) == Token(Kind.FILE, id_, True, digest, file_name(name))
    assert unquote(shown) == file_name(name)
    assert shown not in ("", ".", "..")
    assert len(unquote(shown).encode()) <= NAME_BYTES


@pytest.mark.parametrize("kind", [Kind.FILE, Kind.IMAGE])
@pytest.mark.parametrize("length", [0, 1, 31, 33, 64])
def test_a_file_whose_digest_has_a_wrong_length_is_none(kind: Kind, length: int) -> None:
    assert LINKS.read(LINKS._signer.sign(kind, 1, shared=True, target=b"d" * length)) is None


def test_files_and_images_may_have_a_host_of_their_own() -> None:
    apart = Links([KEY], "https://click.example.com", "bounce.example.com", "https://files.example.org/")
    assert apart.file(1, DIGEST, "a.pdf").startswith("https://files.example.org/f/")
    assert apart.image(1, DIGEST).startswith("https://files.example.org/i/")
    for url in (
        apart.click(1, TARGET),
        apart.pixel(1, initial=True),
        apart.unsubscribe(1),
        apart.web_version(1),
    ):
        assert url.startswith("https://click.example.com/")


# Which links are ours, and whose


def personal(id_: int, links: Links = LINKS) -> list[str]:
    """Return every kind of link that tells a recipient from the others."""
    return [
        links.click(id_, TARGET, "a name"),
        links.click(id_, TARGET, amp=True),
        links.pixel(id_, initial=True),
        links.pixel(id_, initial=False),
        links.unsubscribe(id_),
        links.unsubscribe(id_, via="link", target=TARGET, name="bye ñ"),
        links.web_version(id_),
    ]


def common(links: Links = LINKS) -> list[str]:
    """Return links of ours that all recipients share."""
    return [
        links.click(7, TARGET, shared=True),
        links.pixel(7, initial=True, shared=True),
        links.file(7, DIGEST, "a.pdf"),
        links.image(7, DIGEST),
    ]


def test_a_link_is_our_own_by_its_signature() -> None:
    for url in personal(7):
        assert LINKS.is_own(url.encode())
    other = Links([bytes(32)], "https://click.example.com", "bounce.example.com")
    forged = LINKS.click(7, TARGET)[:-1]
    elsewhere = Links([KEY], "https://click.example.org", "bounce.example.com")
    for url in (*personal(7, other), *personal(7, elsewhere), forged, "https://click.example.com/c/", ""):
        assert not LINKS.is_own(url.encode())
    assert not LINKS.is_own(b"https://example.com/?u=" + personal(7)[0].encode())


MARKUP = "<p>Dear reader, <a href=\"{0}\">one</a> &amp; <a href='{0}?x=1'>two</a> {0}\xa0<img src={0}></p>"


@given(message_ids, message_ids, st.text(max_size=30))
def test_a_copy_gets_links_of_its_own_and_nothing_else_is_touched(one: int, two: int, text: str) -> None:
    def rendered(id_: int) -> bytes:
        urls = [*personal(id_), *common(), *personal((one + 1) % 2**63)]
        return (text.join(MARKUP.format(url) for url in urls)).encode("utf-8", "replace")

    if two != (one + 1) % 2**63:
        assert LINKS.readdressed(rendered(one), one, two) == rendered(two)
        assert LINKS.readdressed(rendered(two), two, one) == rendered(one)


@given(st.binary(max_size=200), message_ids, message_ids)
def test_what_holds_no_link_of_ours_stays_as_it_is(content: bytes, one: int, two: int) -> None:
    assert LINKS.readdressed(content, one, two) == content
    around = b"/c/" + content + b"/o/x.gif /u/ https://click.example.com/w/" + content
    assert LINKS.readdressed(around, one, two) == around


def test_the_links_of_a_copy_rendered_before_base_url_or_keys_changed_are_readdressed() -> None:
    before = Links([bytes(range(1, 33))], "http://old.example.com/mail", "bounce.example.com")
    after = Links([KEY, bytes(range(1, 33))], "https://new.example.com", "bounce.example.com")
    (url,) = after.readdressed(before.unsubscribe(5).encode(), 5, 6).split()
    assert url.startswith(b"http://old.example.com/mail/u/")
    assert after.read(url.rpartition(b"/")[2].decode()) == Token(Kind.LIST_UNSUBSCRIBE, 6)


def test_the_longest_link_is_readdressed() -> None:
    url = LINKS.click(1, b"https://example.com/" + b"a" * (TARGET_BYTES - 20), "ñ" * NAME_CHARACTERS)
    assert token_of(LINKS.readdressed(url.encode(), 1, 2).decode(), "c") == Token(
        Kind.CLICK, 2, False, b"https://example.com/" + b"a" * (TARGET_BYTES - 20), "ñ" * NAME_CHARACTERS
    )


# What comes back by mail


def test_the_mailto_form_carries_its_token_in_the_subject() -> None:
    address, _, subject = LINKS.unsubscribe_mailto(9).partition("?subject=")
    assert address == "unsubscribe@bounce.example.com"
    assert LINKS.read_unsubscribe_subject(subject) == Token(Kind.LIST_UNSUBSCRIBE, 9)
    assert LINKS.read_unsubscribe_subject(" Unsubscribe: " + subject.partition(":")[2]) is not None
    assert LINKS.read_unsubscribe_subject("Re: hello") is None
    pixel = LINKS.pixel(9, initial=False).rpartition("/")[2].removesuffix(".gif")
    assert LINKS.read_unsubscribe_subject("unsubscribe:" + pixel) is None


def test_the_return_path_is_read_at_any_domain_and_in_any_case() -> None:
    address = LINKS.bounce_address(10)
    assert address.endswith("@bounce.example.com")
    assert len(address.partition("@")[0]) <= 64
    assert LINKS.read_bounce_address(address) == Token(Kind.BOUNCE, 10)
    assert LINKS.read_bounce_address(address.upper()) == Token(Kind.BOUNCE, 10)
    own = LINKS.bounce_address(10, "bounces.acme.example", shared=True)
    assert own.endswith("@bounces.acme.example")
    assert LINKS.read_bounce_address(own) == Token(Kind.BOUNCE, 10, shared=True)
    assert LINKS.read_bounce_address("c" + address[1:]) is None
    assert LINKS.read_bounce_address("b@bounce.example.com") is None


def test_a_bounce_token_is_no_link_and_a_link_is_no_return_path() -> None:
    local = LINKS.bounce_address(10).partition("@")[0].removeprefix("b+")
    raw = base64.b32decode(local.upper() + "=")
    assert LINKS.read(base64.urlsafe_b64encode(raw).rstrip(b"=").decode()) is None
    raw = base64.urlsafe_b64decode(LINKS.pixel(10, initial=True).rpartition("/")[2][:-4] + "==")
    assert LINKS.read_bounce_address("b+" + base64.b32encode(raw).decode().rstrip("=") + "@x") is None


@pytest.mark.parametrize(
    "target",
    [
        b"",
        b"/relative",
        b"//example.com/",
        b"javascript:alert(1)",
        b"data:text/html,x",
        b"ftp://example.com/",
        b" https://example.com/",
        b"https:///path",
        b"https:// example.com/",
        b"https://example.com/\r\nSet-Cookie: a=b",
        b"https://example.com/\n",
        b"https://example.com/\0",
        b"https://example.com/\x7f",
        b"https://example.com/" + b"a" * TARGET_BYTES,
    ],
)
def test_h3_a_target_that_could_split_a_header_or_leave_the_web_is_never_signed(target: bytes) -> None:
    assert not is_target(target)
    with pytest.raises(ValueError, match="URL"):
        LINKS.click(1, target)
    if target:
        with pytest.raises(ValueError, match="URL"):
            LINKS.unsubscribe(1, target=target)


def test_h1_a_signed_token_whose_target_may_not_be_followed_is_none() -> None:
    for kind in (Kind.CLICK, Kind.AMP_CLICK, Kind.LINK_UNSUBSCRIBE):
        assert LINKS.read(LINKS._signer.sign(kind, 1, target=b"javascript:alert(1)")) is None
    assert LINKS.read(LINKS._signer.sign(Kind.CLICK, 1)) is None


def test_h8_no_address_stands_in_a_url() -> None:
    urls = [
        LINKS.click(1, TARGET),
        LINKS.pixel(1, initial=False),
        LINKS.unsubscribe(1),
        LINKS.bounce_address(1),
        LINKS.web_version(1),
        LINKS.image(1, DIGEST),
    ]
    assert not any("alice" in url for url in urls)


def test_x_msfbl_has_sparkposts_form() -> None:
    value = LINKS.msfbl("274689", "123", 2**62, "alice@example.net")
    mac, said = map(base64.b64decode, value.split("|"))
    assert len(mac) == 32
    assert json.loads(said) == {
        "customer_id": "274689",
        "subaccount_id": "123",
        "tenant_id": "estafeta",
        "message_id": str(2**62),
        "r": "alice@example.net",
    }
    assert LINKS.read_msfbl(value) == Feedback("274689", "123", 2**62, "alice@example.net")
    assert LINKS.read_msfbl(value[:60] + "\r\n " + value[60:]) == LINKS.read_msfbl(value)


def test_x_msfbl_of_identical_copies_names_nobody() -> None:
    assert LINKS.read_msfbl(LINKS.msfbl("acme", "0", 5, None)) == Feedback("acme", "0", 5, "")


def test_j1_a_forged_x_msfbl_is_none() -> None:
    value = LINKS.msfbl("acme", "0", 5, "alice@example.net")
    mac, said = value.split("|")
    forged = base64.b64encode(base64.b64decode(said).replace(b"alice", b"bobby")).decode()
    for text in (f"{mac}|{forged}", f"|{said}", f"{mac}|", mac, said, "", "é|é", value + "x" * 5000):
        assert LINKS.read_msfbl(text) is None
    other = Links([bytes(32)], "https://x.example", "y.example")
    assert other.read_msfbl(value) is None
    assert Links([bytes(32), KEY], "https://x.example", "y.example").read_msfbl(value) is not None


@given(st.text(max_size=300))
def test_hostile_text_reads_as_nothing(text: str) -> None:
    assert LINKS.read(text) is None
    assert LINKS.read_msfbl(text) is None
    assert LINKS.read_bounce_address(text) is None
    assert LINKS.read_unsubscribe_subject("unsubscribe:" + text) is None


def test_links_come_from_the_configuration(tmp_path: Path) -> None:
    key = tmp_path / "link.key"
    key.write_bytes(KEY)
    config = Config(
        hostname="mx.example.com",
        base_url="https://click.example.com",
        bounce_domain="bounce.example.com",
        listeners={},
        signing_keys=(key,),
    )
    assert Links.from_config(config).click(1, TARGET) == LINKS.click(1, TARGET)
    apart = msgspec.structs.replace(config, hosting=Hosting(base_url="https://files.example.org"))
    assert Links.from_config(apart).image(1, DIGEST).startswith("https://files.example.org/i/")
