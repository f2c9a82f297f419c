import pytest

from estafeta_core import framework_headers
from estafeta_core.headers import Header
from estafeta_core.steering import Asked


def asked(*headers: Header) -> Asked:
    return Asked(headers, framework_headers.NAMES, framework_headers.PREFIXES)


def test_the_headers_of_symfony_and_laravel_are_read() -> None:
    read = framework_headers.read(
        asked(
            Header("X-Tag", b"password-reset"),
            Header("x-tag", b" =?utf-8?Q?Gr=C3=BC=C3=9Fe?="),
            Header("X-Metadata-User-ID", b"12345"),
            Header("X-METADATA-Color", b"blue"),
        )
    )
    assert read == (["password-reset", "Gr\u00fc\u00dfe"], {"User-ID": "12345", "Color": "blue"})


@pytest.mark.parametrize("name", ["X-Tags", "X-Metadata", "Tag", "X-Other"])
def test_other_headers_say_nothing(name: str) -> None:
    assert framework_headers.read(asked(Header(name, b"x"))) == ([], {})


def test_metadata_without_a_name_is_told() -> None:
    found = asked(Header("X-Metadata-", b"x"))
    assert framework_headers.read(found) == ([], {})
    assert found.notices == ("X-Metadata- names nothing",)
