import pytest

from estafeta_core.identity import Identity


@pytest.mark.parametrize("text", ["acme/main", "acme/main/123", "a.b_c-d/E9", "1/2/3", "a" * 64 + "/b"])
def test_an_identity_comes_back_as_it_was_written(text: str) -> None:
    assert str(Identity.parse(text)) == text


def test_the_parts_have_names() -> None:
    identity = Identity.parse("acme/main/123")
    assert (identity.account, identity.credential, identity.subaccount) == ("acme", "main", "123")
    assert identity.credential_id == "acme/main"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "acme",
        "acme/",
        "/main",
        "a/b/",
        "a/b/c/d",
        "a b/c",
        "a/b\n",
        "a/b\tuser=x",
        "a/b=c",
        "é/b",
        "-a/b",
        "a" * 65 + "/b",
        "../b",
        "a/b\0",
    ],
)
def test_text_that_could_carry_a_separator_is_no_identity(text: str) -> None:
    with pytest.raises(ValueError, match="not an identity"):
        Identity.parse(text)
