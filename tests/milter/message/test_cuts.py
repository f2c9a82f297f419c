from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estafeta_core.headers import Header
from estafeta_milter.message.cuts import cuts
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Part
from estafeta_milter.message.splice import splice

HEADERS = (Header("Subject", b"s"), Header("Content-Type", b"multipart/mixed; boundary=top"))


def received(body: bytes) -> Message:
    return Message("a@example.com", ("b@example.com",), HEADERS, body)


def without(body: bytes, *paths: str) -> bytes:
    root = received(body).structure
    assert isinstance(root, Part)
    return splice(body, cuts(root, paths))


def parts(*contents: bytes, end: bytes = b"--top--\r\n") -> bytes:
    return b"".join(b"--top\r\n\r\n" + content + b"\r\n" for content in contents) + end


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        (("1.1",), (b"2", b"3", b"4")),
        (("1.2",), (b"1", b"3", b"4")),
        (("1.4",), (b"1", b"2", b"3")),
        (("1.1", "1.2"), (b"3", b"4")),
        (("1.2", "1.3"), (b"1", b"4")),
        (("1.3", "1.4"), (b"1", b"2")),
        (("1.1", "1.3"), (b"2", b"4")),
        (("1.2", "1.4"), (b"1", b"3")),
        (("1.1", "1.2", "1.4"), (b"3",)),
    ],
)
def test_a_run_of_parts_is_cut_at_its_delimiters(gone: tuple[str, ...], left: tuple[bytes, ...]) -> None:
    body = b"preamble\r\n" + parts(b"1", b"2", b"3", b"4") + b"epilogue"
    assert without(body, *gone) == b"preamble\r\n" + parts(*left) + b"epilogue"


def test_delimiters_that_stay_are_written_as_they_were() -> None:
    body = b"--top  \r\n\r\n1\r\n--top\t\r\n\r\n2\r\n--top \r\n\r\n3\r\n--top--   \r\n\r\n"
    assert without(body, "1.1") == b"--top  \r\n\r\n2\r\n--top \r\n\r\n3\r\n--top--   \r\n\r\n"
    assert without(body, "1.3") == b"--top  \r\n\r\n1\r\n--top\t\r\n\r\n2\r\n--top--   \r\n\r\n"


def test_a_message_that_ends_without_a_delimiter_still_does() -> None:
    assert without(parts(b"1", b"2", end=b"").removesuffix(b"\r\n"), "1.2") == b"--top\r\n\r\n1"
    assert without(parts(b"1", b"2", end=b""), "1.1") == b"--top\r\n\r\n2\r\n"


def test_line_feeds_alone_are_delimiters_too() -> None:
    body = parts(b"1", b"2", b"3").replace(b"\r\n", b"\n")
    assert without(body, "1.2") == parts(b"1", b"3").replace(b"\r\n", b"\n")
    assert without(body, "1.3") == parts(b"1", b"2").replace(b"\r\n", b"\n")


INNER = (
    b"Content-Type: multipart/related; boundary=in\r\n\r\ninner preamble\r\n"
    b"--in\r\n\r\na\r\n--in\r\n\r\nb\r\n--in--\r\ninner epilogue"
)


def test_a_multipart_all_of_whose_parts_go_goes_too() -> None:
    body = b"--top\r\n\r\n1\r\n--top\r\n" + INNER + b"\r\n--top\r\n\r\n3\r\n--top--\r\n"
    assert without(body, "1.2.1", "1.2.2") == without(body, "1.2") == parts(b"1", b"3")


def test_a_multipart_left_with_one_part_stays_a_multipart() -> None:
    body = b"--top\r\n\r\n1\r\n--top\r\n" + INNER + b"\r\n--top--\r\n"
    assert without(body, "1.1", "1.2.1") == body.replace(b"\r\n1\r\n--top\r\n", b"").replace(
        b"\r\na\r\n--in\r\n", b""
    )


def test_a_message_of_which_nothing_would_be_left_is_refused() -> None:
    body = b"--top\r\n" + INNER + b"\r\n--top--\r\n"
    for paths in (("1",), ("1.1",), ("1.1.1", "1.1.2")):
        with pytest.raises(ValueError, match="no part of the message would be left"):
            without(body, *paths)


def test_nothing_to_take_out_is_no_edit() -> None:
    body = parts(b"1", b"2")
    assert without(body) is body


# Any tree


@dataclass
class Node:
    """A part that a test writes: a leaf, or a multipart with what stands around its parts."""

    block: bytes
    content: bytes = b""
    boundary: bytes = b""
    children: list["Node"] = field(default_factory=list)
    preamble: bytes = b""
    epilogue: bytes = b""
    closed: bool = True

    def write(self, gone: set[int], new: dict[int, bytes]) -> bytes:
        """Return the content without the leaves in `gone` and with the texts in `new`, by id()."""
        if not self.boundary:
            return new.get(id(self), self.content)
        mark = b"--" + self.boundary
        inside = [
            mark + b"\r\n" + child.block + b"\r\n" + child.write(gone, new)
            for child in self.children
            if child.stays(gone)
        ]
        end = mark + b"--" + self.epilogue if self.closed else b""
        return self.preamble + b"\r\n".join([*inside, end] if end else inside)

    def stays(self, gone: set[int]) -> bool:
        """Whether the part, or one of those inside it, is left."""
        return any(child.stays(gone) for child in self.children) if self.boundary else id(self) not in gone

    def leaves(self, path: str = "1") -> Iterator[tuple[str, "Node"]]:
        """Yield each leaf and its path."""
        if not self.boundary:
            yield path, self
        for number, child in enumerate(self.children, 1):
            yield from child.leaves(f"{path}.{number}")


BLOCKS = st.lists(
    st.sampled_from([b"X-A: b\r\n", b"Content-ID:\r\n\t<a@b>\r\n", b"Content-Disposition: attachment\r\n"]),
    unique=True,
    max_size=3,
).map(b"".join)
LINES = st.lists(st.sampled_from([b"text", b"", b" ", b"-- ", b"--none", b"\r"]), max_size=3).map(
    b"\r\n".join
)


@st.composite
def trees(draw: st.DrawFn) -> Node:
    """Return a multipart of multiparts, three deep at most, each with a boundary of its own."""
    count = 0

    def multipart(depth: int) -> Node:
        nonlocal count
        count += 1
        boundary = b"top" if count == 1 else b"%d-in" % count
        children = [node(depth + 1) for _ in range(draw(st.integers(1, 4)))]
        preamble = draw(st.sampled_from([b"", b"\r\n", b"preamble\r\n"]))
        epilogue = draw(st.sampled_from([b"", b"\r\n", b"\r\nepilogue\r\n"]))
        block = b"Content-Type: multipart/mixed; boundary=" + boundary + b"\r\n"
        closed = draw(st.booleans())
        return Node(block, b"", boundary, children, preamble, epilogue if closed else b"", closed)

    def node(depth: int) -> Node:
        nonlocal count
        if depth < 3 and draw(st.booleans()):
            return multipart(depth)
        count += 1
        return Node(draw(BLOCKS), b"%d\r\n" % count + draw(LINES))

    return multipart(0)


def seen(headers: tuple[Header, ...], body: bytes) -> list[str]:
    """Return the first line of every leaf, which is its number, as the standard library reads them."""
    fields = b"".join(header.name.encode() + b": " + header.value + b"\r\n" for header in headers)
    leaves = (part for part in message_from_bytes(fields + b"\r\n" + body).walk() if not part.is_multipart())
    return [str(part.get_payload()).partition("\r\n")[0] for part in leaves]


@settings(max_examples=300)
@given(tree=trees(), data=st.data())
def test_what_stays_is_what_would_have_been_written_without_the_rest(tree: Node, data: st.DataObject) -> None:
    leaves = list(tree.leaves())
    gone = data.draw(st.sets(st.integers(0, len(leaves) - 1), max_size=len(leaves) - 1))
    changed = data.draw(st.sets(st.integers(0, len(leaves) - 1), max_size=2)) - gone
    texts = {path: node for number, (path, node) in enumerate(leaves) if number in changed}
    ids = {id(leaves[number][1]) for number in gone}
    message = received(tree.write(set(), {}))
    for path, node in texts.items():
        message = message.replace_text(part_at(message, path), node.content + b"\r\nnew")
    final = message.without_parts(leaves[number][0] for number in gone).rendered()
    expected = tree.write(ids, {id(node): node.content + b"\r\nnew" for node in texts.values()})
    assert final.body == expected
    assert seen(final.headers, final.body) == [
        node.content.partition(b"\r\n")[0].decode() for _, node in leaves if id(node) not in ids
    ]


def part_at(message: Message, path: str) -> Part:
    part = message.structure
    assert isinstance(part, Part)
    for number in path.split(".")[1:]:
        part = part.children[int(number) - 1]
    return part
