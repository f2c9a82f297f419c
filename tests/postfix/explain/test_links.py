import quopri

import pytest
from msgspec import structs

from estafeta_core.config.schema import Config, Hosting
from estafeta_core.headers import Header
from estafeta_core.links import Links
from estafeta_milter.message.message import Message
from estafeta_postfix.explain import links
from estafeta_testing.office import LINKS

CONFIG = Config(
    hostname="mx.example.com",
    base_url="https://click.example.com",
    bounce_domain="bounce.example.com",
    listeners={},
    signing_keys=(),
)
CLICK = LINKS.click(1, "https://shop.example/a?b=1&c=2", "offer")
OPEN = LINKS.pixel(1, initial=False)


def message(body: bytes, kind: bytes = b"text/html", encoding: bytes = b"8bit") -> Message:
    headers = (Header("Content-Type", kind), Header("Content-Transfer-Encoding", encoding))
    return Message("", ("a@example.net",), headers, body)


def test_a_link_is_told_with_what_it_led_to() -> None:
    html = f'<a href="{CLICK}">x</a><a href="https://other.example/c/abc">y</a><img src="{OPEN}">'.encode()
    assert [
        (each.kind, each.target, each.name, each.url) for each in links.of(message(html), LINKS, CONFIG)
    ] == [
        ("click", "https://shop.example/a?b=1&c=2", "offer", CLICK),
        ("open", "", "", OPEN),
    ]


def test_links_are_found_in_encoded_texts_and_in_plain_ones() -> None:
    encoded = message(quopri.encodestring(f"<a href='{CLICK}'>".encode()), encoding=b"quoted-printable")
    assert [each.url for each in links.of(encoded, LINKS, CONFIG)] == [CLICK]
    plain = message(f"See <{CLICK}>, or {OPEN}".encode(), b"text/plain")
    assert [(each.part, each.kind) for each in links.of(plain, LINKS, CONFIG)] == [
        ("text/plain", "click"),
        ("text/plain", "open"),
    ]


def test_a_hosted_file_is_told_by_its_name() -> None:
    url = LINKS.file(1, b"d" * 32, "price list.pdf")
    (link,) = links.of(message(f'<a href="{url}">x</a>'.encode()), LINKS, CONFIG)
    assert (link.kind, link.target, link.url) == ("file", "price list.pdf", url)


def test_what_only_looks_like_a_link_of_ours_is_none() -> None:
    assert links.of(message(b'<a href="https://click.example.com/c/forged">x</a>'), LINKS, CONFIG) == []
    assert links.of(message(b"\xff\xfe https://x/c/y", b"text/plain; charset=nowhere"), LINKS, CONFIG) == []


def test_a_host_of_files_of_its_own_is_known_as_well() -> None:
    files = "https://files.example.net"
    apart = Links([b"k" * 64], CONFIG.base_url, CONFIG.bounce_domain, files)
    config = structs.replace(CONFIG, hosting=Hosting(base_url=files))
    url = apart.image(1, b"d" * 32)
    found = links.of(message(f'<img src="{url}"><a href="{CLICK}">x</a>'.encode()), apart, config)
    assert [link.url for link in found] == [url, CLICK]


@pytest.mark.timeout(10)
def test_a_text_of_nothing_but_beginnings_of_links_takes_no_time() -> None:
    assert links.of(message(b"https://click.example.com/c" * 200_000), LINKS, CONFIG) == []
