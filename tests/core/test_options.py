from typing import Any

import pytest

from estafeta_core.options import Options


def test_a_message_that_asks_for_nothing_is_as_good_for_one_reader_as_for_another() -> None:
    assert not Options().tracked
    assert not Options().personal


@pytest.mark.parametrize("option", ["open_tracking", "click_tracking"])
def test_either_kind_of_tracking_tells_readers_apart(option: str) -> None:
    options = Options(**{option: True})  # type: ignore[arg-type] # both are flags
    assert options.tracked
    assert options.personal


@pytest.mark.parametrize(
    "asked", [{"head": "es"}, {"foot": "es"}, {"merge_tags": True}, {"missing_tags": "append"}]
)
def test_whatever_brings_in_the_readers_own_links_makes_a_message_personal(asked: dict[str, Any]) -> None:
    options = Options(**asked)
    assert options.personal
    assert not options.tracked


@pytest.mark.parametrize(
    "asked",
    [
        {"to_utf8": True},
        {"link_attachments": True},
        {"host_images": True},
        {"keep_content": True},
        {"initial_open_pixel": True},
        {"social": (("x", "https://x.com/a"),)},
        {"warnings": ("x",)},
    ],
)
def test_what_is_the_same_for_all_readers_does_not(asked: dict[str, Any]) -> None:
    assert not Options(**asked).personal
