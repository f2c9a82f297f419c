import pytest

from estafeta_core.headers import Header, unfold, values


@pytest.mark.parametrize("name", ["X-MSYS-API", "x-msys-api", "X-Msys-Api ", "X-MSYS-API\t"])
def test_fields_are_found_whatever_the_spelling(name: str) -> None:
    fields = [
        Header("To", b"a"),
        Header(name, b"1"),
        Header("X-MSYS-API-2", b"b"),
        Header("X-Msys-Api", b"2"),
    ]
    assert values(fields, "X-MSYS-API") == [b"1", b"2"]


@pytest.mark.parametrize(
    ("folded", "unfolded"),
    [
        (b"plain", b"plain"),
        (b" a b\t", b"a b"),
        (b"a\n b", b"a b"),
        (b"a\n   b", b"a b"),
        (b"a\n\tb", b"a b"),
        (b"a\r\n\tb", b"a b"),
        (b"a\r\n b\r\n c", b"a b c"),
        (b"a \n b", b"a  b"),
        (b"a\rb", b"a\rb"),
    ],
)
def test_s24_each_fold_becomes_one_space(folded: bytes, unfolded: bytes) -> None:
    assert unfold(folded) == unfolded
