"""`/i/TOKEN` over real HTTP."""

import hashlib

import pytest

from estafeta_testing.site import Site
from estafeta_web.answers import PIXEL

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 40
IMAGES = {
    "image/png": PNG,
    "image/jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(500),
    "image/gif": PIXEL,
    "image/webp": b"RIFF\x10\0\0\0WEBPVP8 " + bytes(100),
    "image/bmp": b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x02" + bytes(100),
}
# Each says in its first bytes what it is: none of them a picture that cannot do anything.
TYPE_CONFUSED = {
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "html": b"<html><script>alert(1)</script>",
    "html behind a space": b" GIF89a<script>alert(1)</script>",
    "xml": b"<?xml version='1.0'?><x/>",
    "script": b"BM=1;alert(1)",
    "pdf": b"%PDF-1.7",
    "flash": b"CWS\x0a",
    "nothing": b"",
}


def url_of(site: Site, content: bytes) -> str:
    return site.links.image(site.message().transmission_id, bytes.fromhex(site.shelf.keep(content)))


@pytest.mark.parametrize("media_type", IMAGES)
def test_t31_an_image_comes_back_byte_for_byte_as_what_it_is(site: Site, media_type: str) -> None:
    answer = site.http.get(url_of(site, IMAGES[media_type]))
    assert answer.status_code == 200
    assert answer.content == IMAGES[media_type]
    assert answer.headers["content-type"] == media_type
    assert "content-disposition" not in answer.headers


@pytest.mark.parametrize("kind", TYPE_CONFUSED)
def test_h4_what_is_no_image_is_not_sent_as_one(site: Site, kind: str) -> None:
    answer = site.http.get(url_of(site, TYPE_CONFUSED[kind]))
    assert (answer.status_code, answer.content) == (404, b"Not found\n")


def test_h4_a_picture_with_a_document_in_it_stays_a_picture(site: Site) -> None:
    answer = site.http.get(url_of(site, PIXEL + b"<html><script>alert(1)</script>"))
    assert answer.headers["content-type"] == "image/gif"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"


def test_h8_an_image_is_cached_by_its_reader_alone_and_tells_nobody_its_address(site: Site) -> None:
    headers = site.http.get(url_of(site, PNG)).headers
    assert headers.get_list("cache-control") == ["private, max-age=86400, immutable"]
    assert headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in headers


def test_head_tells_the_same_without_the_image(site: Site) -> None:
    url = url_of(site, PNG)
    shown, told = site.http.get(url), site.http.head(url)
    assert (told.status_code, told.content) == (200, b"")
    for name in ("content-type", "content-length", "cache-control", "content-security-policy"):
        assert told.headers[name] == shown.headers[name]


def test_h2_h10_only_a_token_for_images_finds_one(site: Site) -> None:
    digest = bytes.fromhex(site.shelf.keep(PNG))
    message = site.message()
    good = site.links.image(message.transmission_id, digest)
    unkept = site.links.image(message.transmission_id, hashlib.sha256(b"never kept").digest())
    file = site.links.file(message.transmission_id, digest, "a.png").split("/")[4]
    click = site.links.click(message.message_id, "https://example.com/").rpartition("/")[2]
    paths = [unkept, good[:-1], good + "/", good + ".png", f"/i/{file}", f"/i/{click}", f"/i/{digest.hex()}"]
    for path in paths:
        answer = site.http.get(path)
        assert (answer.status_code, answer.content) == (404, b"Not found\n"), path


def test_h12_an_image_is_sent_while_there_is_no_store(site: Site) -> None:
    url = url_of(site, PNG)
    site.folder.joinpath("estafeta.db").rename(site.folder / "away")
    assert site.http.get(url).content == PNG
    (site.folder / "away").rename(site.folder / "estafeta.db")


def test_a_shelf_that_cannot_be_read_is_a_state_that_passes(site: Site) -> None:
    url = url_of(site, PNG)
    (site.folder / "hosted").rename(site.folder / "away")
    (site.folder / "hosted").symlink_to(site.folder / "hosted")
    assert site.http.get(url).status_code == 404
    (site.folder / "hosted").unlink()
    (site.folder / "away").rename(site.folder / "hosted")
    assert site.http.get(url).content == PNG
