from collections.abc import Callable

from estafeta_core.recipients import Recipient
from estafeta_milter.ledger import size
from estafeta_postfix.explain.copies import letter, representatives
from estafeta_postfix.explain.explanation import Explanation
from estafeta_postfix.explain.session import Going
from estafeta_testing.milter_site import Site

Explained = Callable[..., Explanation]

HEAD = b"From: News <news@acme.example>\r\n"
LISTS = b'X-MSYS-API: {"bcc": ["bob@example.net"], "archive": ["ann@example.net"], "options": %s}\r\n'
HTML = b'Content-Type: text/html\r\n\r\n<a href="https://shop.example/">x</a>'


def going(explanation: Explanation) -> Going:
    assert explanation.held.going is not None
    return explanation.held.going


def test_each_recipient_has_his_own_copy_and_the_archive_that_of_the_first(explained: Explained) -> None:
    found = going(explained(HEAD + LISTS % b'{"click_tracking": true}' + HTML))
    alice, bob, ann = (letter(found, recipient) for recipient in found.proposal.verdict.going)
    assert [each.recipient.address[:3] for each in (alice, bob, ann)] == ["ali", "bob", "ann"]
    assert alice.message.body == ann.message.body != bob.message.body
    assert len({each.message.sender for each in (alice, bob, ann)}) == 3
    shown = {each.recipient.kind: each.message.headers for each in (alice, bob, ann)}
    assert [kind for kind, headers in shown.items() if any(header.key == "bcc" for header in headers)] == [
        "bcc"
    ]


def test_copies_that_are_alike_differ_in_nothing_but_the_recipient(explained: Explained) -> None:
    alike = b'X-MSYS-API: {"options": {"transactional": true}}\r\n'
    found = going(explained(HEAD + alike + b"\r\nx\r\n", "a@example.net", "b@example.net"))
    one, other = (letter(found, recipient).message for recipient in found.proposal.verdict.going)
    assert one.recipients == ("a@example.net",)
    assert (one.headers, one.body, one.sender) == (other.headers, other.body, other.sender)


def test_no_internal_field_is_shown_and_every_line_has_an_end(site: Site, explained: Explained) -> None:
    pool = "ip_pools: [fast]\n"
    site.configure("ip_pools: {fast: {bind_address: 127.0.0.1}}\n")
    site.account(defaults="{ip_pool: fast, open_tracking: true}", more=pool)
    found = going(explained(HEAD + b"X-Estafeta-Job: mine\r\n" + HTML, "a@example.net", "b@example.net"))
    assert found.proposal.verdict.pool == "fast"
    for recipient in found.proposal.verdict.going:
        made = letter(found, recipient)
        assert not [header for header in made.message.headers if header.key.startswith("x-estafeta")]
        assert made.message.body.endswith(b"\r\n")
        assert made.size == size(made.message)


def test_a_sender_that_is_kept_is_completed_as_postfix_does(site: Site, explained: Explained) -> None:
    site.account(defaults="{return_path: keep}")
    found = going(explained(HEAD + b"\r\nx\r\n", sender="root"))
    assert letter(found, found.proposal.verdict.going[0]).message.sender == "root@mx.example.com"


def test_the_first_of_each_kind_stands_for_the_others() -> None:
    every = [
        Recipient("a"),
        Recipient("b"),
        Recipient("c", "bcc"),
        Recipient("d", "bcc"),
        Recipient("e", "cc"),
    ]
    assert [recipient.address for recipient in representatives(every)] == ["a", "c", "e"]


def test_a_domain_outside_ascii_is_on_the_envelope_as_who_named_it_wrote_it(explained: Explained) -> None:
    lists = 'X-MSYS-API: {"bcc": ["c@bücher.example"]}\r\n'.encode()
    found = going(explained(HEAD + lists + HTML, "a@bücher.example"))
    letters = [letter(found, recipient) for recipient in found.proposal.verdict.going]
    assert [made.address for made in letters] == ["a@bücher.example", "c@xn--bcher-kva.example"]
