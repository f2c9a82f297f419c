import unicodedata

import pytest

from estafeta_core.dialects import devino, teenvio
from estafeta_milter.texts.sentences import ENGLISH, LANGUAGES, Linked, Sentences, parse

WHOLE = 'web_version = "See [here]"\nunsubscribe = "[Leave] now"\nattachments = "Files"\n'


def test_t35_every_language_that_a_message_can_ask_for_is_there() -> None:
    assert {*teenvio.LANGUAGES.values(), devino.LANGUAGE, ENGLISH} == LANGUAGES.keys()


@pytest.mark.parametrize("sentences", LANGUAGES.values(), ids=LANGUAGES)
def test_t35_every_sentence_says_something_and_marks_a_link(sentences: Sentences) -> None:
    assert sentences.attachments.strip() == sentences.attachments != ""
    for sentence in (sentences.web_version, sentences.unsubscribe):
        assert sentence.text == sentence.text.strip()
        assert sentence.link == sentence.link.strip() != ""
        assert not sentence.text.endswith((".", ":"))
        assert len(sentence.text) < 120  # one or two lines of a narrow screen
        assert len(sentence.text.encode()) < 998  # of a line of mail


@pytest.mark.parametrize("sentences", LANGUAGES.values(), ids=LANGUAGES)
def test_letters_with_marks_are_one_sign_each(sentences: Sentences) -> None:
    text = sentences.web_version.text + sentences.unsubscribe.text + sentences.attachments
    assert text == unicodedata.normalize("NFC", text)


def test_no_two_languages_say_the_same() -> None:
    assert len({sentences.unsubscribe.text for sentences in LANGUAGES.values()}) == len(LANGUAGES)


def test_a_sentence_is_read_with_its_link() -> None:
    (sentences,) = parse(f"[xx]\n{WHOLE}").values()
    assert sentences == Sentences("xx", Linked("See ", "here", ""), Linked("", "Leave", " now"), "Files")


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (WHOLE.replace("attachments", "attachment"), r"\[xx\] must hold exactly"),
        (WHOLE + 'more = "x"', r"\[xx\] must hold exactly"),
        (WHOLE.replace("[here]", "here"), r"\[xx\] web_version: one \[link\]"),
        (WHOLE.replace("[Leave] now", "[Leave] [now]"), r"\[xx\] unsubscribe: one \[link\]"),
        (WHOLE.replace("[Leave]", "[]"), r"\[xx\] unsubscribe: one \[link\]"),
    ],
)
def test_a_table_that_is_not_whole_is_named(written: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse(f"[xx]\n{written}")
