import re
from email import message_from_bytes
from email.message import Message as StdlibMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import estafeta_milter
from estafeta_core.headers import Header
from estafeta_milter.message.part import Bounds, Part, Unscannable, walk
from estafeta_milter.message.scanner import scan
from estafeta_testing.cost import at_most


def multipart(boundary: str, kind: str = "mixed") -> tuple[Header, ...]:
    return (Header("Content-Type", f'multipart/{kind}; boundary="{boundary}"'.encode()),)


def tree(headers: tuple[Header, ...], body: bytes) -> Part:
    root = scan(headers, body)
    assert isinstance(root, Part)
    return root


def body(*lines: str) -> bytes:
    return "\r\n".join(lines).encode()


def texts(root: Part, data: bytes) -> list[bytes]:
    return [data[part.start : part.end] for part in walk(root) if not part.children]


NESTED = body(
    "preamble",
    "--a",
    'Content-Type: multipart/alternative; boundary="i"',
    "",
    "--i",
    "",
    "plain",
    "--i  ",
    "Content-Type: text/html; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
    "",
    "<p>html",
    "",
    "--i--",
    "inner epilogue",
    "--a",
    "Content-Type: image/png; name=x.png",
    "Content-ID: <x@y>",
    "Content-Disposition: inline",
    "",
    "data",
    "--a--",
    "epilogue",
)


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_parts_are_found_with_their_offsets(line_end: bytes) -> None:
    data = NESTED.replace(b"\r\n", line_end)
    root = tree(multipart("a"), data)
    found = [
        (part.path, part.content_type, data[part.start : part.end])
        for part in walk(root)
        if not part.children
    ]
    assert found == [
        ("1.1.1", "text/plain", b"plain"),
        ("1.1.2", "text/html", b"<p>html" + line_end),
        ("1.2", "image/png", b"data"),
    ]
    assert [part.doubt for part in walk(root)] == [""] * 5
    html, image = root.children[0].children[1], root.children[1]
    assert (html.charset, html.transfer_encoding) == ("utf-8", "8bit")
    assert (image.named, image.content_id, image.disposition) == (True, "<x@y>", "inline")
    assert data[image.header_start : image.header_end].startswith(b"Content-Type: image/png")
    assert data[image.header_end : image.start] == line_end


def test_a_message_without_parts_is_its_own_part() -> None:
    root = tree((Header("Content-Type", b"text/html"),), b"<p>\r\n--a\r\n")
    assert (root.path, root.content_type, root.start, root.end) == ("1", "text/html", 0, 10)


def test_message_parts_are_not_descended() -> None:
    data = body(
        "--a",
        "Content-Type: message/rfc822",
        "",
        *NESTED.decode().replace("--a", "--b").split("\r\n"),
        "--a--",
    )
    root = tree(multipart("a"), data)
    assert [part.content_type for part in walk(root)] == ["multipart/mixed", "message/rfc822"]


def test_parts_of_a_digest_are_messages_by_default() -> None:
    root = tree(multipart("a", "digest"), body("--a", "", "Subject: x", "", "text", "--a--"))
    assert root.children[0].content_type == "message/rfc822"


def test_an_outer_delimiter_ends_everything_inside() -> None:
    data = body("--a", 'Content-Type: multipart/mixed; boundary="i"', "", "--i", "", "one", "--a", "", "two")
    root = tree(multipart("a"), data)
    assert texts(root, data) == [b"one", b"two"]
    assert not any(part.doubt for part in walk(root))


def test_a_delimiter_on_the_first_line_and_no_closing_one() -> None:
    data = b"--a\r\n\r\none\r\n--a\r\n\r\ntwo"
    assert texts(tree(multipart("a"), data), data) == [b"one", b"two"]


def test_a_multipart_without_its_delimiter_has_no_parts() -> None:
    assert tree(multipart("a"), b"just text\r\n").children == ()


@pytest.mark.parametrize(
    ("headers", "data"),
    [
        pytest.param(multipart("a"), body("--a", "", "x", "--ab", "y", "--a--"), id="boundary-prefix-line"),
        pytest.param(multipart("a"), body("--a", "", "x", "--a--b", "y", "--a--"), id="closing-with-more"),
        pytest.param(
            multipart("a"), body("--a", "", "x", "--a--", "--a", "", "y", "--a--"), id="after-closing"
        ),
        pytest.param(
            multipart("a"),
            body("--a", "Content-Type: multipart/mixed; boundary=ab", "", "--ab", "", "x", "--ab--", "--a--"),
            id="boundary-prefix",
        ),
        pytest.param(
            multipart("ab"),
            body("--ab", "Content-Type: multipart/mixed; boundary=a", "", "--a", "", "x", "--a--", "--ab--"),
            id="boundary-prefix-inside",
        ),
        pytest.param(
            multipart("a"),
            body("--a", "Content-Type: multipart/mixed; boundary=a", "", "--a", "", "x", "--a--"),
            id="boundary-twice",
        ),
        pytest.param(multipart("a"), b"--a\r\n\r\nx\r--a\r\n\r\ny\r\n--a--\r\n", id="bare-cr-delimiter"),
        pytest.param(
            (*multipart("a"), *multipart("b")), body("--a", "", "x", "--a--"), id="ctype-dup-headers"
        ),
        pytest.param(
            (Header("Content-Type", b"multipart/mixed; boundary=a; boundary=b"),),
            body("--a", "", "x", "--b", "", "y", "--a--"),
            id="boundary-dup-params",
        ),
        pytest.param(
            (*multipart("a"), Header("Content-Transfer-Encoding", b"base64")),
            body("--a", "", "x", "--a--"),
            id="multipart-base64-cte",
        ),
    ],
)
def test_c7_an_ambiguous_message_is_in_doubt_as_a_whole(headers: tuple[Header, ...], data: bytes) -> None:
    assert tree(headers, data).doubt


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Type: text/html", "no field", "", "x"),
        ("Content-Type : text/html", "", "x"),
        ("Content-Type: text/html", "  ", "", "x"),
        ("Content-Type: text/html",),
        ("Content-Type: text/html", ""),
        ("From somebody", "", "x"),
        ("Content-Type: text/html\rX: y", "", "x"),
    ],
)
def test_c7_a_part_with_a_broken_header_block_is_in_doubt(lines: tuple[str, ...]) -> None:
    root = tree(multipart("a"), body("--a", *lines, "--a", "", "good", "--a--"))
    assert not root.doubt
    assert [bool(part.doubt) for part in root.children] == [True, False]


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        (Bounds(depth=1), "inside each other"),
        (Bounds(parts=4), "parts"),
        (Bounds(header_bytes=40), "bytes of part header"),
        (Bounds(header_bytes=10), "bytes of header fields"),
        (Bounds(header_count=2), "lines of part header"),
        (Bounds(header_count=0), "header fields"),
        (Bounds(delimiter_lines=5), "delimiter-like"),
    ],
)
def test_past_a_bound_there_is_no_tree(bounds: Bounds, reason: str) -> None:
    found = scan(multipart("a"), NESTED, bounds)
    assert isinstance(found, Unscannable)
    assert reason in found.reason


def test_at_the_bounds_there_is_a_tree() -> None:
    bounds = Bounds(depth=2, parts=5, header_count=3, header_bytes=101, delimiter_lines=6)
    assert isinstance(scan(multipart("a"), NESTED, bounds), Part)


def nest(levels: int, inner: bytes) -> tuple[tuple[Header, ...], bytes]:
    parts = [
        f"--b{n}x\r\nContent-Type: multipart/mixed; boundary=b{n + 1}x\r\n\r\n".encode()
        for n in range(levels)
    ]
    return multipart("b0x"), b"".join(parts) + b"--b%dx\r\n\r\n" % levels + inner


FEW_BOUNDS = Bounds(depth=10_000, parts=10_000_000, delimiter_lines=10_000_000)

HOSTILE = {
    "nest-1000": nest(1000, b"x"),
    "nest90-lines200k": nest(48, b"x\r\n" * 200_000),
    "nest90-dashes200k": nest(48, b"--b\r\n" * 200_000),
    "nest-prefix-lines": nest(48, b"--b4\r\n" * 200_000),
    "flat-parts-100k": (multipart("a"), b"--a\r\n\r\n\r\n" * 100_000),
    "flat-multiparts": (multipart("a"), b"--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" * 50_000),
    "boundary-lines-100k": (multipart("a"), b"--a\r\n" * 100_000),
    "one-line-10m": (multipart("a"), b"--a" + b"x" * 10_000_000),
    "dashes-10m": (multipart("a"), b"-" * 10_000_000),
    "bare-cr": (multipart("a"), b"\r--" * 1_000_000),
    "header-flood": (multipart("a"), b"--a\r\n" + b"a: b\r\n" * 500_000),
    "header-lines": (multipart("a"), (b"--a\r\n" + b"a:" + b"b" * 9000 + b"\r\n") * 900),
    "space-lines": (multipart("a"), b"--a\r\nx: y\r\n" + b" " * 5_000_000),
    "headers-20k": (tuple(Header("X-A", b"b") for _ in range(20_000)), b""),
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_c1_c2_c3_hostile_structure_takes_linear_time(name: str) -> None:
    headers, data = HOSTILE[name]
    with at_most(2):
        scan(headers, data)


@pytest.mark.parametrize(
    "name", ["flat-parts-100k", "boundary-lines-100k", "nest90-dashes200k", "nest90-lines200k"]
)
def test_even_without_bounds_time_is_linear(name: str) -> None:
    headers, data = HOSTILE[name]
    with at_most(4):
        scan(headers, data, FEW_BOUNDS)


LINES = st.sampled_from(
    [
        b"--a", b"--b", b"--a--", b"--b--", b"--ab", b"", b"text", b"x: y", b" folded", b"--", b"\r", b"-- ",
        b"Content-Type: multipart/mixed; boundary=b", b"Content-Type: text/html",
        b"Content-Type: message/rfc822",
    ]
)  # fmt: skip


@settings(max_examples=400)
@given(lines=st.lists(LINES, max_size=25), line_end=st.sampled_from([b"\r\n", b"\n"]))
def test_spans_lie_inside_each_other_and_do_not_overlap(lines: list[bytes], line_end: bytes) -> None:
    data = line_end.join(lines)
    root = tree(multipart("a"), data)
    assert (root.start, root.end) == (0, len(data))
    for part in walk(root):
        last = part.start
        for child in part.children:
            assert last <= child.header_start <= child.header_end <= child.start <= child.end <= part.end
            last = child.end


def stdlib_texts(message: StdlibMessage) -> list[bytes]:
    payload = message.get_payload()
    if message.get_content_maintype() == "multipart":
        parts = payload if isinstance(payload, list) else []
        return [text for part in parts if isinstance(part, StdlibMessage) for text in stdlib_texts(part)]
    if message.get_content_maintype() == "message":
        return [b"message"]
    return [payload.encode("ascii", "surrogateescape")] if isinstance(payload, str) else [b""]


BLOCKS = st.sampled_from(
    [
        (b"--a", b"", b"text"),
        (b"--a", b"x: y", b" folded", b"Content-Type: text/html", b"", b"one", b"", b"-- "),
        (b"--a", b"Content-Type: message/rfc822", b"", b"Subject: s", b"", b"text"),
        (
            b"--a",
            b"Content-Type: multipart/mixed;",
            b' boundary="b"',
            b"",
            b"preamble",
            b"--b",
            b"",
            b"inner",
        ),
        (b"--b", b"Content-Type: text/html", b"", b"inner html", b""),
        (b"--b", b"Content-Type: multipart/mixed; boundary=c", b"", b"--c", b"", b"innermost"),
        (b"--c  ", b"", b"more"),
        (b"--c--", b"epilogue"),
        (b"--b--", b"epilogue", b""),
    ]
)


@settings(max_examples=400)
@given(blocks=st.lists(BLOCKS, max_size=8))
def test_where_there_is_no_doubt_the_standard_library_finds_the_same_texts(
    blocks: list[tuple[bytes, ...]],
) -> None:
    lines = [line for block in blocks for line in block]
    data = b"\r\n".join([b"--a", b"", b"first", *lines, b"--a--", b""])
    root = tree(multipart("a"), data)
    if any(part.doubt for part in walk(root)):
        return
    theirs = stdlib_texts(message_from_bytes(b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + data))
    ours = [
        b"message" if part.content_type.startswith("message/") else data[part.start : part.end]
        for part in walk(root)
        if not part.content_type.startswith("multipart/")
    ]
    assert [text for text in theirs if text] == [text for text in ours if text]


def test_no_pattern_repeats_a_group_possessively() -> None:
    # Python before 3.11.5 (Debian 12 has 3.11.2) keeps what a failed repetition consumed: gh-106052.
    package = Path(estafeta_milter.__file__).parent
    for path in package.rglob("*.py"):
        assert not re.search(r"\)[*+?}]\+", path.read_text("utf-8")), path
