import pytest

from estafeta_postfix.render.values import RenderError, endpoint, plain


@pytest.mark.parametrize(
    "text", ["mx.example.com", "/var/lib/estafeta", "[127.0.0.1]:2525", "a_b-c", "~/x%y=z"]
)
def test_harmless_words_stand_as_they_are(text: str) -> None:
    assert plain("what", text) == text


@pytest.mark.parametrize(
    "text", ["", "a b", "a\nb", "$a", "{a}", "a,b", "a#b", "a\tb", "a;b", "é", 'a"b', "a\0"]
)
def test_what_a_reader_of_postfix_files_could_take_apart_is_refused(text: str) -> None:
    with pytest.raises(RenderError, match="hostname"):
        plain("hostname", text)


@pytest.mark.parametrize(
    ("address", "expected"), [("127.0.0.1", "127.0.0.1:25"), ("0.0.0.0", "0.0.0.0:25"), ("::1", "[::1]:25")]
)
def test_an_endpoint_is_written_as_master_cf_reads_it(address: str, expected: str) -> None:
    assert endpoint("listener", address, 25) == expected


def test_a_host_name_is_no_endpoint() -> None:
    with pytest.raises(RenderError, match="listener x"):
        endpoint("listener x", "localhost", 25)
