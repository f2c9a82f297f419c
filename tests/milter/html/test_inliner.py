import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from estafeta_milter.html import inliner
from estafeta_milter.html.inliner import Budget, CannotInlineError, examine, inline
from estafeta_testing import corpora
from estafeta_testing.cost import SLOWER, at_most

RED = "<style>p{color:red}</style>"
STACK = 8 * 1024 * 1024  # bytes: what libmilter's threads have by default (`ulimit -s`)


def inlined(markup: str | bytes, charset: str = "utf-8") -> bytes:
    content = markup if isinstance(markup, bytes) else markup.encode()
    found = examine(content, charset, Budget())
    return content if found is None else inline(found)


def refusal(markup: str | bytes, charset: str = "utf-8") -> str:
    with pytest.raises(CannotInlineError) as caught:
        inlined(markup, charset)
    return str(caught.value)


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("<p>", '<p style="color: red;">'),
        ("<P\r\nid=a>", '<P style="color: red;"\r\nid=a>'),
        ("<p/>", '<p style="color: red;"/>'),
        ("<p style>", '<p style="color: red">'),
        ('<p style="">', '<p style="color: red">'),
        ("<p style=>", '<p style="color: red">'),
        ("<p style= >", '<p style= "color: red">'),
        ("<p style=a:b id=c>", '<p style="color: red;a: b" id=c>'),
        ("<p STYLE='a:b'>", "<p STYLE='color: red;a: b'>"),
        ('<p style="a:url(&quot;b&amp;c&quot;)">', "<p style=\"color: red;a: url('b&amp;c')\">"),
        ("<p style='a:\"b\"'>", "<p style='color: red;a: &#39;b&#39;'>"),
        ('<p style="color:blue">', '<p style="color:blue">'),
        ('<p title="<p>">', '<p style="color: red;" title="<p>">'),
        ('<p style="color: red">', '<p style="color: red">'),
        ('<p style="Color : red ;">', '<p style="Color : red ;">'),
        ('<p style="*zoom:1">', '<p style="color: red;*zoom:1">'),
        ("<p style='a:b;[[\"]]'>", "<p style='color: red;a:b;[[\"]]'>"),
        ("<p style=border=0>", "<p style=border=0>"),
    ],
)
def test_a_style_attribute_is_put_in_or_replaced_and_nothing_else(tag: str, expected: str) -> None:
    if "Color" in tag:
        assert inlined(f"<style>i{{a:b}}</style>{tag}") == f"<style>i{{a:b}}</style>{expected}".encode()
    else:
        assert inlined(RED + tag) == (RED + expected).encode()


@pytest.mark.parametrize(
    "kept",
    [
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/x.dtd">',
        "<?xml version='1.0'?>",
        "&zwnj;&nbsp;&#8203;&copy &amp;",
        "<!--[if mso]><table><tr><td><v:rect style='a:b'><p>Outlook</p></v:rect></table><![endif]-->",
        "<!--[if !mso]><!-- --><i>x</i><!--<![endif]-->",
        "<![if !mso]><o:p>&nbsp;</o:p><![endif]>",
        "<table>{{#each rows}}<tr><td>{{name}}</td></tr>{{/each}}</table>",
        '[Unsubscribe] %%x%% *|X|* <a href="{{url}}" data-msys-linkname="a &amp; b" data-msys-clicktrack=0>',
        "<STYLE>@media (max-width:1px){p{a:b}}@font-face{font-family:x;src:url(http://x/y)}</STYLE>",
        "<link rel=stylesheet href=http://127.0.0.1:9/x.css>",
        "<textarea><p></textarea><title><p></title>",
        "<td>lone</td></x></div>\r\n\r  <br>\t",
    ],
)
def test_every_other_byte_stays(kept: str) -> None:
    assert inlined(f"{RED}{kept}<p>x") == f'{RED}{kept}<p style="color: red;">x'.encode()


@pytest.mark.parametrize(
    "markup",
    [
        "<p>x",
        "<p style='color:red'>",
        "<style></style><p>",
        "<style>@media all{p{a:b}}@supports (a:b){p{c:d}}p:hover{a:b}@font-face{font-family:x}</style><p>",
        "<style>.none{a:b}</style><p style='c:d'>",
        "<!-- <style>p{a:b}</style> --><p>",
        "<style>*{a:b}</style>",
        "<link rel=stylesheet href=x.css><p>",
    ],
)
def test_without_a_sheet_that_applies_the_same_object_comes_back(markup: str) -> None:
    content = markup.encode()
    assert inlined(content) is content


def test_a_text_that_css_inline_gives_up_stays_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inliner, "is_sound", lambda _style: True)
    markup = RED + '<p style="border=0">a'
    assert inlined(markup) == markup.encode()


def test_what_is_not_shown_gets_no_style() -> None:
    assert inlined("<head><title>x</title><style>*{a:b}</style><body>") == (
        b'<head><title>x</title><style>*{a:b}</style><body style="a: b;">'
    )


def test_an_element_that_a_parser_copies_has_the_style_of_the_first() -> None:
    sheet = "<style>b{a:b}p b{a:c}</style>"
    assert inlined(f"{sheet}<b><p>x</b>y").startswith(f'{sheet}<b style="a: b;">'.encode())


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("utf-8", "é 日本"),
        ("iso-8859-1", "é"),
        ("windows-1251", "Шрифт"),
        ("shift_jis", "表示 ゴシック"),  # with bytes that are a backslash and a brace elsewhere
        ("gb2312", "宋体"),
        ("big5", "新細明體功"),
        ("", "ascii"),
    ],
)
def test_the_charset_stays(charset: str, text: str) -> None:
    sheet = f'<style>.{text.partition(" ")[0]}{{font-family:"{text}"}}</style>'
    page = f"{sheet}<p class='{text}'>{text}"
    encoded = page.encode(charset or "ascii")
    expected = page.replace("<p", f"<p style=\"font-family: '{text}';\"").encode(charset or "ascii")
    assert inlined(encoded, charset) == expected


def test_signs_that_the_charset_lacks_become_references() -> None:
    assert inlined(b'<style>p{a:b}</style><p style="c:&#26085;">', "iso-8859-1") == (
        b'<style>p{a:b}</style><p style="a: b;c: &#26085;">'
    )


def test_bytes_that_are_not_in_the_charset_stay() -> None:
    assert inlined(b"<style>p{a:'\xe9\xff'}</style><p>\xe9", "utf-8") == (
        b"<style>p{a:'\xe9\xff'}</style><p style=\"a: '\xe9\xff';\">\xe9"
    )
    assert "not in its charset" in refusal(b"<style>p{a:b}</style>\x81<", "shift_jis")


@pytest.mark.parametrize("charset", ["utf-16", "iso-2022-jp", "utf-7", "x-unknown"])
def test_a_charset_that_is_not_edited_is_refused_where_there_is_a_sheet(charset: str) -> None:
    assert refusal(RED, charset) == "its charset cannot be edited"
    assert inlined("<p>", charset) == b"<p>"


def test_a_byte_order_mark_stays_where_it_is() -> None:
    assert inlined("\ufeff<!doctype html>" + RED + "<p>").startswith(b"\xef\xbb\xbf<!doctype html><style>")


def test_an_attribute_of_the_name_of_our_mark_is_kept() -> None:
    tag = "<p data-estafeta-0=1 data-estafeta-1>"
    assert inlined(RED + tag) == f'{RED}<p style="color: red;" data-estafeta-0=1 data-estafeta-1>'.encode()


def test_nothing_is_loaded_from_a_network_or_a_file() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x.css"
        links = f"<link rel=stylesheet href='{url}'><link rel=stylesheet href='file:///etc/passwd'>"
        sheet = f"<style>@import url({url});@import 'file:///etc/passwd';p{{background:url({url})}}</style>"
        found = inlined(f"{links}{sheet}<p>x")
        with pytest.raises(TimeoutError):
            server.accept()
    assert found == f'{links}{sheet}<p style="background: url({url});">x'.encode()


def test_a_file_that_is_linked_is_not_read(tmp_path: Path) -> None:
    sheet = tmp_path / "x.css"
    sheet.write_text("p{color:blue}")
    for link in (str(sheet), sheet.as_uri()):
        assert b"blue" not in inlined(f"<link rel=stylesheet href='{link}'>{RED}<p>")


@pytest.mark.parametrize("template", corpora.parameters(corpora.templates()))
def test_the_templates_are_inlined_fast_once_and_the_same_each_time(template: Path) -> None:
    content = template.read_bytes()
    with at_most(0.2):
        found = inlined(content)
    assert inlined(content) == found
    assert inlined(found) == found


GENERATORS = {
    "div": "<div>",
    "span": "<span>",
    "b": "<b>",
    "table": "<table><tr><td>",
    "closed by nobody": "<div><span></div>",
    "ul": "<ul><li>",
}


@pytest.mark.parametrize("unit", GENERATORS.values(), ids=GENERATORS)
def test_the_deepest_page_that_is_taken_leaves_three_quarters_of_the_stack(unit: str) -> None:
    """In a process of its own, for where it fails there is no exception, but the end of the process."""
    program = (
        "import sys, threading\n"
        "from estafeta_milter.html.inliner import *\n"
        "def take(times):\n"
        "    markup = b'<style>b{color:red}</style>' + sys.argv[1].encode() * times\n"
        "    return examine(markup, 'utf-8', Budget())\n"
        "def run():\n"
        "    low, high = 1, 30_000\n"
        "    while high - low > 1:\n"
        "        middle = (low + high) // 2\n"
        "        try:\n"
        "            take(middle)\n"
        "        except CannotInlineError:\n"
        "            high = middle\n"
        "        else:\n"
        "            low = middle\n"
        "    print(low, len(inline(take(low))))\n"
        "threading.stack_size(int(sys.argv[2]))\n"
        "thread = threading.Thread(target=run)\n"
        "thread.start()\n"
        "thread.join()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, unit, str(STACK // 4)],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) >= 300


@pytest.mark.parametrize("unit", GENERATORS.values(), ids=GENERATORS)
def test_a_page_that_would_end_the_process_is_refused(unit: str) -> None:
    assert "nested too deeply" in refusal("<style>b{a:b}</style>" + unit * 12_000)


CLASSES = "".join(f'<p class="c{number} x">x</p>' for number in range(3000))
DEEP = "<i class=y></i>" + "<div class=x>" * 1000 + "</div>" * 1000
HOSTILE = {
    "3,000 rules for 3,000 elements": ("".join(f".c{n}{{a:b}}" for n in range(3000)), CLASSES),
    "rules that match all": ("p{color:red}" * 3000, CLASSES),
    "rules that match all, differently": ("".join(f"p{{a{n}:b}}" for n in range(3000)), CLASSES),
    "stars": ("* * * *{a:b}" * 1000, DEEP),
    "descendants": (".y .x .x .x .x .x{a:b}" * 1000, DEEP),
    "children and descendants": (".y > .x .x > .x .x > .x .x > .x{a:b}" * 100, DEEP),
    "siblings": (".y ~ .x ~ .x{a:b}" * 100, "<i class=y></i>" + CLASSES),
    "siblings in a negation": (":not(.y ~ :not(.y ~ :not(.y ~ .x))){a:b}" * 9, CLASSES),
    "20,000 selectors": (",".join(f".x{n}" for n in range(20_000)) + "{a:b}", CLASSES),
    "20,000 stars": (",".join("*" * 20_000) + "{a:b}", CLASSES),
    "substrings": ("".join(f"[class*=x{n}]{{a:b}}" for n in range(1000)), CLASSES),
    "a megabyte": ("".join(f".c{n}{{color:red;background:url(x)}}" for n in range(25_000)), CLASSES),
    "a long value": ("p{a:" + "b" * 100_000 + "}", CLASSES),
    "2,000 properties": ("p{" + "".join(f"a{n}:b;" for n in range(2000)) + "}", CLASSES),
    "20,000 declarations in an attribute": (
        "p{" + "".join(f"a{n}:b;" for n in range(2000)) + "}",
        "<p style='" + "".join(f"b{n}:c;" for n in range(20_000)) + "'>",
    ),
    "open braces": ("{" * 100_000, CLASSES),
    "parentheses": ("p{a:" + "(" * 100_000 + "}", "<p>"),
    "brackets": ("[" * 100_000 + "{a:b}", CLASSES),
    "nested negations": (":not(" * 20_000 + "p" + ")" * 20_000 + "{a:b}", CLASSES),
    "nested at-rules": ("@media all{" * 10_000, CLASSES),
    "nested layers": ("@layer a{" * 10_000 + "p{a:b}", CLASSES),
    "nested rules": ("p{&" * 20_000, CLASSES),
    "nested blocks in a value": ("p{a:" + "{" * 9_000 + "}" * 9_000 + "}", CLASSES),
    "attributes": ("p{a:b}", "<p " + " ".join(f"a{n}" for n in range(100_000)) + ">"),
    "paragraphs": ("p{a:b}", "<p></p>" * 140_000),
    "copied paragraphs": ("p{a:b}", "".join(f"<font size={n}><p>" for n in range(1000))),
    "copies of a long tag": ("p{a:b}", f"<font a={'x' * 50_000}><p>" + "<i><p></i>" * 200),
}


@pytest.mark.parametrize(("sheet", "body"), HOSTILE.values(), ids=HOSTILE)
def test_no_page_takes_longer_than_a_second(sheet: str, body: str) -> None:
    program = (
        "import sys, time\n"
        "from estafeta_milter.html.inliner import *\n"
        "page = sys.stdin.buffer.read()\n"
        "start = time.process_time()\n"
        "try:\n"
        "    found = examine(page, 'utf-8', Budget())\n"
        "    found and inline(found)\n"
        "except CannotInlineError:\n"
        "    pass\n"
        "print(time.process_time() - start)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=f"<style>{sheet}</style>{body}".encode(),
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1 * SLOWER


def test_a_large_newsletter_is_far_from_every_bound() -> None:
    link = "<a class=button href=https://example.com/>Go</a>"
    row = f"<tr><td class=x><p class=c1>Text</p>{link}<img src=x></td></tr>"
    rules = "".join(f".c{n}, td.c{n}{{color:red;padding:0 {n}px;font:bold 12px Arial}}" for n in range(300))
    rules += "".join(f".c{n} p, .x .c{n} > a{{color:red;font:bold {n}px Arial}}" for n in range(20))
    small = "@media (max-width:600px){" + rules + "}"
    page = f"<style>td{{padding:0}} .button{{color:red}} {rules}{small}</style><table>{row * 600}</table>"
    budget = Budget()
    assert examine(page.encode(), "utf-8", budget) is not None
    assert budget.html > 0.9 * inliner.HTML
    assert budget.tags > 0.8 * inliner.TAGS
    assert budget.elements > 0.9 * inliner.ELEMENTS
    assert budget.growth > 0.7 * inliner.GROWTH
    assert budget.nanoseconds > 0.8 * inliner.NANOSECONDS


def test_the_bounds_hold_for_all_texts_of_a_message_together() -> None:
    budget = Budget()
    page = (RED + "<p>" + "x" * 300_000).encode()
    assert examine(page, "utf-8", budget) is not None
    assert examine(page, "utf-8", budget) is not None
    assert examine(page, "utf-8", budget) is not None
    with pytest.raises(CannotInlineError, match="it is too long"):
        examine(page, "utf-8", budget)


def test_threads_inline_at_the_same_time() -> None:
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(inlined(RED + "<p>" * 500))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
