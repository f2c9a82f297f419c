import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_milter.texts import markup
from estafeta_milter.texts.sentences import LANGUAGES, Sentences

URL = "https://click.example.com/u/TOKEN"


def visible(text: str) -> str:
    return html.unescape(re.sub("<[^>]*>", "", text))


@pytest.mark.parametrize("sentences", LANGUAGES.values(), ids=LANGUAGES)
def test_t35_a_sentence_is_ascii_and_says_in_html_what_is_written(sentences: Sentences) -> None:
    for sentence in (sentences.web_version, sentences.unsubscribe):
        block = markup.block(sentences.language, [markup.linked(sentence, URL)])
        assert block.isascii()
        assert visible(block).strip() == sentence.text
        assert re.findall(r'<a href="([^"]*)"', block) == [URL]
        assert block.startswith(f'\r\n<div lang="{sentences.language}"')
        assert block.endswith("</div>\r\n")
        assert max(map(len, block.split("\r\n"))) < 900  # RFC 5322 section 2.1.1 allows 998


@given(st.text())
def test_any_text_is_shown_as_it_is_and_ends_no_attribute(text: str) -> None:
    written = markup.ascii_text(text)
    assert written.isascii()
    assert not set("<>\"'") & set(written)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), max_size=50))
def test_a_text_comes_back_from_its_references(text: str) -> None:
    assert html.unescape(markup.ascii_text(text)) == text


def test_an_address_cannot_end_its_attribute() -> None:
    linked = markup.linked(LANGUAGES["en"].unsubscribe, 'https://x.example/?a=1&b="><script>')
    assert 'href="https://x.example/?a=1&amp;b=&quot;&gt;&lt;script&gt;"' in linked
