"""What several paths answer."""

from hypothesis import given
from hypothesis import strategies as st

from estafeta_web.answers import PIXEL, header_safe, unavailable


@given(st.binary(max_size=200))
def test_h3_a_target_in_a_header_is_one_line_of_visible_ascii(target: bytes) -> None:
    safe = header_safe(target)
    assert all(0x21 <= byte <= 0x7E for byte in safe)
    assert header_safe(safe) == safe


def test_visible_ascii_stays_as_it_is() -> None:
    target = b"https://example.com/a;b?c=%C3%A4&d='\"<>\\^`{|}#e"
    assert header_safe(target) == target


def test_the_pixel_is_a_transparent_gif_of_one_pixel() -> None:
    assert PIXEL[:10] == b"GIF89a\x01\x00\x01\x00"
    assert b"!\xf9\x04\x01" in PIXEL  # graphic control extension with the transparency flag
    assert PIXEL.endswith(b";")


def test_who_comes_while_something_is_away_is_asked_to_come_again() -> None:
    answer = unavailable()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
