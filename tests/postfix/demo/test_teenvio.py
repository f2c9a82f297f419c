import struct
from collections.abc import Callable

from estafeta_postfix.demo.scenario import Scenario
from estafeta_postfix.demo.teenvio import FILE, FILE_NAME, IMAGE, TEENVIO


def test_the_message_holds_two_texts_an_image_and_a_file() -> None:
    parts = [part for part in TEENVIO.message().walk() if not part.is_multipart()]
    kinds = [part.get_content_type() for part in parts]
    assert kinds == ["text/plain", "text/html", "image/png", "application/pdf"]
    assert (parts[2].get_payload(decode=True), parts[3].get_payload(decode=True)) == (IMAGE, FILE)
    assert parts[3].get_filename() == FILE_NAME


def test_the_image_is_a_png_of_sixteen_by_sixteen() -> None:
    assert IMAGE.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", IMAGE[16:24]) == (16, 16)


def test_a_message_that_leaves_as_it_came_is_not_what_is_expected(
    look_unchanged: Callable[[Scenario], list[str]],
) -> None:
    failed = "\n".join(look_unchanged(TEENVIO))
    for what in ("an HTML part are left", "has become a link", "hosted one", "line on top", "foot has"):
        assert what in failed
