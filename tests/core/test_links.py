"""URLs, return paths and X-MSFBL: made and read back, and nothing else read."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core.config.schema import Config
from estafeta_core.links import NAME_CHARACTERS, Feedback, Links, is_target
from estafeta_core.tokens import TARGET_BYTES, Kind, Token

KEY = bytes(range(32))
LINKS = Links([KEY], "https://click.example.com/", "bounce.example.com")
TARGET = b"https://example.com/a;b?c=%C3%A4&d=\xe4#e"


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
