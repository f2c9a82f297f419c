"""`/icons/NETWORK.png` over real HTTP."""

import struct
import zlib

import pytest

from estafeta_milter.handlers.head_and_foot import NETWORKS
from estafeta_testing.site import Site
from estafeta_web.icons import OTHER, TILES


@pytest.mark.parametrize("network", NETWORKS)
def test_t34_a_network_has_a_tile_of_its_own_that_may_be_cached(site: Site, network: str) -> None:
    answer = site.http.get(site.links.icon(network))
    assert (answer.status_code, answer.content) == (200, TILES[network])
    assert answer.content != TILES[OTHER]
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers.get_list("cache-control") == ["public, max-age=604800"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("network", ["", "mastodon", "x1"])
def test_another_network_has_the_neutral_tile(site: Site, network: str) -> None:
    assert site.http.get(site.links.icon(network)).content == TILES[OTHER]


@pytest.mark.parametrize(
    "path", ["Facebook.png", "facebook", "facebook.gif", "..%2Fapp.png", "a/b.png", ".png"]
)
def test_what_is_no_name_of_a_network_leads_nowhere(site: Site, path: str) -> None:
    answer = site.http.get(f"/icons/{path}")
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")


@pytest.mark.parametrize("name", TILES)
def test_a_tile_is_a_whole_png_of_64_pixels_a_side(name: str) -> None:
    content = TILES[name]
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", content[16:24]) == (64, 64)
    position = 8
    while position < len(content):
        (length,) = struct.unpack(">I", content[position : position + 4])
        chunk = content[position + 4 : position + 8 + length]
        assert zlib.crc32(chunk) == struct.unpack(">I", content[position + 8 + length :][:4])[0]
        position += 12 + length
    assert chunk == b"IEND"
    assert len(content) < 2048  # a message shows several
