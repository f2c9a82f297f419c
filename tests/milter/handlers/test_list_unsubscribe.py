import re

from estafeta_core.links import Links
from estafeta_core.tokens import Kind
from estafeta_milter.handlers import list_unsubscribe
from estafeta_testing.office import LINKS, make_job, make_message


def test_s34_both_ways_to_unsubscribe_name_the_message() -> None:
    message = list_unsubscribe.apply(make_message(), make_job())
    names = [header.name for header in message.headers[-2:]]
    offer, post = (header.value.decode() for header in message.headers[-2:])
    assert names == ["List-Unsubscribe", "List-Unsubscribe-Post"]
    assert post == "List-Unsubscribe=One-Click"  # RFC 8058 section 3.1
    found = re.fullmatch(
        r"<mailto:unsubscribe@bounce\.example\.com\?subject=(unsubscribe:[\w-]+)>,\n\t"
        r"<https://click\.example\.com/u/([\w-]+)>",
        offer,
    )
    assert found
    for token in (LINKS.read_unsubscribe_subject(found[1]), LINKS.read(found[2])):
        assert token is not None
        assert (token.kind, token.id, token.shared) == (Kind.LIST_UNSUBSCRIBE, 4711, False)


def test_b8_no_line_is_over_998_bytes_whatever_the_names_of_the_host() -> None:
    domain = ".".join(["d" * 61] * 4)  # 247 characters; a name has at most 253
    links = Links([b"k" * 64], f"https://{domain}:65535/{'p' * 300}", domain)
    message = list_unsubscribe.apply(make_message(), make_job(links=links))
    for header in message.headers:
        lines = (header.name.encode() + b": " + header.value).split(b"\n")
        assert max(map(len, lines)) <= 998
