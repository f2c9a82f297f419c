import pytest
from msgspec.structs import replace

from estafeta_milter.message.content_ids import ContentIds
from estafeta_milter.message.part import Part
from estafeta_testing.cost import at_most

LEAF = Part("1", "image/png", "", "", "", "", False, "", "", 0, 0, 0, 0, (), "")


def leaf(path: str, content_id: str = "") -> Part:
    return replace(LEAF, path=path, content_id=content_id)


def multipart(path: str, *children: Part, content_id: str = "") -> Part:
    return replace(LEAF, path=path, children=children, content_id=content_id)


HTML = leaf("1.1")


def found(reference: str, *content_ids: str) -> str | None:
    """Return the path of the part that is meant, when the parts have these Content-IDs."""
    parts = [leaf(f"1.{number}", content_id) for number, content_id in enumerate(content_ids, 2)]
    part = ContentIds(multipart("1", HTML, *parts)).find(reference, HTML)
    return part.path if part else None


@pytest.mark.parametrize(
    ("reference", "content_id"),
    [
        ("a@b", "<a@b>"),
        ("a%40b", "<a@b>"),
        ("A%40B", "<a@b>"),
        ("A@B", "<a@b>"),
        ("a@b", "<A@B>"),
        ("<a@b>", "<a@b>"),
        ("%3Ca@b%3E", "<a@b>"),
        (" a@b ", "<a@b>"),
        ("a@b", "a@b"),
        ("a@b", "< a@b >"),
        ("a@b", "<a@b> (the logo)"),
        ("a%40b", "<a%40b>"),
        ("a+b%20c", "<a+b c>"),
        ("logo", "<logo>"),
        ("a%C3%B1o@b", "<a\u00c3\u00b1o@b>"),
        ("año@b", "<a\u00c3\u00b1o@b>"),
    ],
)
def test_c14_a_reference_is_understood_in_every_form(reference: str, content_id: str) -> None:
    assert found(reference, "<other@b>", content_id) == "1.3"


@pytest.mark.parametrize("reference", ["", "<>", "a", "a@", "b", "%", "a@b/x", "@"])
def test_what_no_part_is_called_means_none(reference: str) -> None:
    assert found(reference, "<a@b>", "", "<>") is None


def test_c14_the_most_exact_form_counts() -> None:
    assert found("A@b", "<a@b>", "<A@b>") == "1.3"
    assert found("a%40b", "<a@b>", "<a%40b>") == "1.3"
    assert found("A%40b", "<a@B>", "<A@b>") == "1.3"


def test_c14_of_two_parts_with_one_id_the_first_counts() -> None:
    assert found("a@b", "<a@b>", "<a@b>") == "1.2"
    assert found("A@B", "<a@b>", "<A@b>") == "1.2"


def test_c14_each_html_means_the_part_beside_it() -> None:
    first = multipart("1.1", leaf("1.1.1"), leaf("1.1.2", "<a@b>"))
    second = multipart("1.2", leaf("1.2.1"), leaf("1.2.2", "<a@b>"), leaf("1.2.3", "<a@b>"))
    ids = ContentIds(multipart("1", first, second, leaf("1.3")))
    meant = [ids.find("a@b", html) for html in (first.children[0], second.children[0], leaf("1.3"))]
    assert [part and part.path for part in meant] == ["1.1.2", "1.2.2", "1.1.2"]


def test_a_multipart_is_never_meant() -> None:
    assert ContentIds(multipart("1", multipart("1.1", HTML, content_id="<a@b>"))).find("a@b", HTML) is None


def test_many_parts_with_one_id_are_looked_through_once() -> None:
    parts = [leaf(f"1.{number}", "<a@b>") for number in range(2, 1000)]
    ids = ContentIds(multipart("1", HTML, *parts))
    with at_most(1):
        assert {ids.find("a@b", HTML) for _ in range(10_000)} == {parts[0]}


def test_a_hostile_field_takes_linear_time() -> None:
    with at_most(1):
        for field in ("<" * 200_000, "<" + " " * 200_000, "> <" * 80_000, " " * 200_000):
            assert found("a@b", field) is None


def test_a_thousand_spellings_of_one_id_are_one_id() -> None:
    """940 parts with one id, referred to in 10,000 spellings, took half a minute."""
    parts = [leaf(f"1.{number}", "<abcdefghijklmn@b>") for number in range(2, 942)]
    ids = ContentIds(multipart("1", HTML, *parts))
    spellings = {
        "".join(sign.upper() if number >> place & 1 else sign for place, sign in enumerate("abcdefghijklmn"))
        for number in range(10_000)
    }
    assert len(spellings) == 10_000
    with at_most(2):
        assert {ids.find(f"{spelling}@b", HTML) for spelling in spellings} == {parts[0]}
