from typing import Any

import pytest

from estafeta_core.headers import Header
from estafeta_core.identity import Identity
from estafeta_core.options import Options
from estafeta_core.recipients import Recipient
from estafeta_core.refusal import Refusal
from estafeta_core.store import StoreUnavailable
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Bounds
from estafeta_milter.verdict import TOO_LONG_CC, Verdict, decide
from estafeta_testing.office import (
    DEVINO,
    EMITLO,
    FROM,
    HTML,
    MAILGUN,
    MANDRILL,
    PERFIT,
    TAGGED,
    TEENVIO,
    TEXT,
    TWO_PARTS,
    Customer,
    Office,
    make_message,
    message_of,
)

ALICE, BOB = "alice@example.net", "bob@example.net"
TO_ALICE, TO_BOB = Recipient(ALICE), Recipient(BOB)
DEEP = b"".join(
    b"--%d\r\nContent-Type: multipart/mixed; boundary=%d\r\n\r\n" % (level, level + 1) for level in range(60)
)


def verdict(office: Office, message: Message, identity: str = "acme/main") -> Verdict:
    found = decide(message, office.envelope(identity, message.sender), office.store)
    assert isinstance(found, Verdict), found
    return found


def refusal(office: Office, message: Message, identity: str = "acme/main") -> str:
    found = decide(message, office.envelope(identity, message.sender), office.store)
    assert isinstance(found, Refusal), found
    return str(found)


def test_a_plain_message_goes_with_an_offer_to_unsubscribe(office: Office) -> None:
    found = verdict(office, make_message())
    assert found == Verdict(
        identity=Identity("acme", "main"),
        options=found.options,
        friendly_from="news@acme.example",
        list_unsubscribe=True,
        return_path_domain="bounce.example.com",
        recipients=(TO_ALICE,),
        suppressed=frozenset(),
    )


def test_s18_what_the_header_asks_wrongly_is_the_dialects_refusal(office: Office) -> None:
    message = make_message(metadata=["a"])
    assert refusal(office, message) == "550 5.6.0 X-MSYS-API 'metadata' must be of type 'json object'"


@pytest.mark.parametrize(
    ("value", "reply"),
    [
        (b"News <news@new.example>", "550 5.7.1 Unconfigured Sending Domain <new.example>"),
        (b"news@sub.acme.example", "550 5.7.1 Unconfigured Sending Domain <sub.acme.example>"),
        (b"a@acme.example, b@acme.example", "550 5.7.1 The From header must hold exactly one plain address"),
        (b"", "550 5.7.1 The From header must hold exactly one plain address"),
    ],
)
def test_only_a_verified_domain_may_be_shown(office: Office, value: bytes, reply: str) -> None:
    assert refusal(office, make_message(headers=(Header("From", value),))) == reply


def test_e1_two_from_fields_are_refused_even_when_one_is_right(office: Office) -> None:
    other = Header("from ", b"ceo@victim.example")
    assert refusal(office, make_message(headers=(FROM, other))).startswith("550 5.7.1 The From header")


def test_s12_a_subaccount_shows_its_own_domains(office: Office) -> None:
    message = make_message(headers=(Header("From", b"a@sub.acme.example"),))
    assert verdict(office, message, "acme/main/123").friendly_from == "a@sub.acme.example"
    assert refusal(office, make_message(), "acme/main/123").endswith(
        "Unconfigured Sending Domain <acme.example>"
    )


def test_s35_skipping_suppression_is_a_right(office: Office) -> None:
    message = make_message(options={"skip_suppression": True})
    assert refusal(office, message).startswith("550 5.7.1 skip_suppression is not permitted")
    office.suppress(ALICE)
    assert verdict(office, message, "acme/sender").suppressed == frozenset()


@pytest.mark.parametrize(
    ("kind", "transactional", "suppressed"),
    [
        ("transactional", True, True),
        ("transactional", False, False),
        ("non_transactional", False, True),
        ("non_transactional", True, False),
    ],
)
def test_s33_a_suppression_holds_for_its_kind_of_mail(
    office: Office, kind: str, transactional: bool, suppressed: bool
) -> None:
    office.suppress(ALICE, kind)
    found = verdict(office, make_message(ALICE, options={"transactional": transactional}))
    assert (ALICE in found.suppressed) is suppressed


def test_a_suppression_of_one_subaccount_is_not_the_others(office: Office) -> None:
    office.suppress(ALICE, subaccount="123")
    headers = (Header("From", b"a@sub.acme.example"),)
    assert verdict(office, make_message(headers=headers), "acme/main/123").suppressed == {ALICE}
    assert verdict(office, make_message()).suppressed == frozenset()


def test_no_spelling_of_an_address_escapes_suppression(office: Office) -> None:
    office.suppress(ALICE)
    found = verdict(office, make_message("ALICE@example.net", ALICE, BOB, "Alice@Example.NET"))
    assert found.recipients == (Recipient("ALICE@example.net"), TO_BOB)
    assert found.going == (TO_BOB,)


def test_a_recipient_given_twice_is_one(office: Office) -> None:
    found = verdict(office, make_message(ALICE, ALICE, "Alice@EXAMPLE.net"))
    assert found.recipients == (TO_ALICE,)


@pytest.mark.parametrize(
    ("options", "differing"),
    [
        ({}, True),  # each can unsubscribe
        ({"open_tracking": True, "transactional": True}, True),
        ({"click_tracking": True, "transactional": True}, True),
        ({"transactional": True}, False),
    ],
)
def test_s52_copies_differ_where_something_in_them_is_personal(
    office: Office, options: dict[str, bool], differing: bool
) -> None:
    found = verdict(office, make_message(ALICE, BOB, options=options))
    assert (found.going, found.differing) == ((TO_ALICE, TO_BOB), differing)
    assert not verdict(office, make_message(ALICE, options=options)).differing


def test_a_suppressed_recipient_needs_no_copy(office: Office) -> None:
    office.suppress(BOB)
    found = verdict(office, make_message(ALICE, BOB))
    assert (found.going, found.differing) == ((TO_ALICE,), False)


TO = Header("To", b"Alice <alice@example.net>")
PLAIN = {"transactional": True}


def listed(office: Office, *headers: Header, **asked: Any) -> Verdict:
    return verdict(office, make_message(ALICE, headers=(FROM, *(headers or (TO,))), **asked))


@pytest.mark.parametrize(
    ("lists", "options", "differing"),
    [
        ({"cc": [BOB]}, PLAIN, False),
        ({"archive": [BOB]}, PLAIN, False),
        ({"bcc": [BOB]}, PLAIN, True),  # his copy alone has a Bcc
        ({"cc": [ALICE]}, {}, False),
        ({"bcc": [ALICE]}, PLAIN, False),
        ({"cc": [BOB]}, {}, True),
        ({"archive": [BOB]}, {"open_tracking": True, **PLAIN}, True),
        ({"cc": [], "bcc": [], "archive": []}, {}, False),
    ],
)
def test_s39_s43_copies_to_lists_differ_where_something_in_them_does(
    office: Office, lists: dict[str, list[str]], options: dict[str, bool], differing: bool
) -> None:
    assert listed(office, **lists, options=options).differing is differing


def test_s47_precedence_is_rcpt_cc_bcc_archive(office: Office) -> None:
    found = listed(office, cc=[ALICE, BOB], bcc=[BOB, "c@x.example"], archive=["C@x.example", "d@x.example"])
    assert [(each.address, each.kind) for each in found.going] == [
        (ALICE, ""),
        (BOB, "cc"),
        ("c@x.example", "bcc"),
        ("d@x.example", "archive"),
    ]
    assert found.cc == b"alice@example.net,\n bob@example.net", "Cc names the whole list"


def test_s46_the_archive_keeps_the_copy_of_the_first_who_is_sent_to(office: Office) -> None:
    office.suppress(ALICE)
    message = make_message(ALICE, BOB, headers=(FROM, TO), cc=["c@x.example"], archive=["a@x.example"])
    assert verdict(office, message).first == TO_BOB
    office.suppress(BOB)
    assert verdict(office, message).first == TO_ALICE


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ((b"Alice <alice@example.net>",), None),
        ((b"alice@example.net, bob@example.net",), 2),
        ((b"alice@example.net", b"bob@example.net"), 2),
        ((b"undisclosed-recipients:;",), 0),
        ((b"",), 0),
    ],
)
def test_s41_to_should_name_one_where_lists_are_used_and_the_sender_is_told(
    office: Office, fields: tuple[bytes, ...], count: int | None
) -> None:
    headers = [Header("To", field) for field in fields]
    said = f"To should name exactly one recipient where cc, bcc or archive are used; it names {count}"
    assert listed(office, *headers, archive=[BOB]).warnings == (() if count is None else (said,))
    assert listed(office, *headers).warnings == ()


def test_f17_a_cc_that_postfix_would_cut_is_refused(office: Office) -> None:
    own = Header("Cc", b"x@example.net, " * 3900)
    assert len(listed(office, own, TO, cc=[BOB]).cc) > 58_000
    message = make_message(ALICE, headers=(FROM, own, TO), cc=[{"email": BOB, "name": "N" * 900}])
    assert refusal(office, message) == str(TOO_LONG_CC)


def test_a_list_unsubscribe_of_the_clients_own_stays_alone(office: Office) -> None:
    own = Header("list-unsubscribe", b"<mailto:leave@acme.example>")
    found = verdict(office, make_message(ALICE, BOB, headers=(FROM, own)))
    assert not found.list_unsubscribe
    assert found.going == (TO_ALICE, TO_BOB)


@pytest.mark.parametrize(
    ("setting", "sender", "domain"),
    [
        ("verp", "app@acme.example", "bounce.example.com"),
        ("verp", "app@elsewhere.example", "bounce.example.com"),
        ("verp", "", "bounce.example.com"),
        ("verp", "app@bounces.acme.example", "bounces.acme.example"),  # bounce: true
        ("domain", "app@acme.example", "acme.example"),
        ("domain", "app@new.example", "bounce.example.com"),
        ("domain", "app@elsewhere.example", "bounce.example.com"),
        ("domain", "", "bounce.example.com"),
        ("keep", "app@elsewhere.example", None),
        ("keep", "", None),
    ],
)
def test_s53_s54_s55_where_bounces_go(office: Office, setting: str, sender: str, domain: str | None) -> None:
    office.site.account(defaults=f"{{return_path: {setting}}}")
    assert office.live.reload() is None
    assert verdict(office, make_message(sender=sender)).return_path_domain == domain


def test_a_subaccount_keeps_no_bounce_domain_of_the_account(office: Office) -> None:
    message = make_message(headers=(Header("From", b"a@sub.acme.example"),), sender="a@bounces.acme.example")
    assert verdict(office, message, "acme/main/123").return_path_domain == "bounce.example.com"


def test_s56_amp_alone_is_refused(office: Office) -> None:
    assert refusal(office, make_message(kind=b"text/x-amp-html", body=HTML)).startswith(
        "550 5.6.0 text/x-amp-html"
    )


PAST_A_BOUND = [
    make_message(kind=b"multipart/mixed; boundary=0", body=DEEP),
    make_message(headers=(FROM, *(Header("X-Note", b"x") for _ in range(1001)))),
    make_message(headers=(FROM, *(Header("X-Note", b"x" * 55_000) for _ in range(5)))),
]


@pytest.mark.parametrize("message", PAST_A_BOUND, ids=["depth", "fields", "bytes"])
def test_c1_past_a_bound_a_message_goes_untouched_or_not_at_all_by_setting(
    office: Office, message: Message
) -> None:
    assert verdict(office, message).going == (TO_ALICE,)
    office.site.configure("mime: {past_bound: refuse}\n")
    assert office.live.reload() is None
    assert refusal(office, message).startswith("550 5.6.0 This message is not taken apart: more than ")


def test_the_bounds_are_those_of_the_message(office: Office) -> None:
    office.site.configure("mime: {past_bound: refuse}\n")
    assert office.live.reload() is None
    message = make_message()
    small = Message(message.sender, message.recipients, message.headers, message.body, Bounds(header_count=1))
    assert refusal(office, small).endswith("more than 1 header fields")


def test_without_the_store_nothing_is_decided(office: Office) -> None:
    (office.site.folder / "estafeta.db").unlink()
    with pytest.raises(StoreUnavailable):
        decide(make_message(), office.envelope(), office.store)


TOO_DEEP = "more than 50 multiparts inside each other"
INCOMPLETE = "500 Internal error - El mensaje debe contener texto plano y texto HTML"


def field(name: str, value: str) -> tuple[Header, ...]:
    return (Header(name, value.encode()),)


def asked(office: Office, customer: Customer, message: Message) -> Verdict | str:
    """Return the verdict, or the refusal as it reads."""
    found = decide(message, office.envelope(customer.identity, customer.sender), office.store)
    return str(found) if isinstance(found, Refusal) else found


@pytest.mark.parametrize("customer", [PERFIT, TEENVIO, DEVINO, EMITLO], ids=lambda each: each.listener)
def test_a_message_of_each_provider_may_go(office: Office, customer: Customer) -> None:
    found = asked(office, customer, message_of(customer))
    assert isinstance(found, Verdict)
    assert (found.friendly_from, found.going) == (customer.sender, (TO_ALICE,))
    assert found.options.tracked


@pytest.mark.parametrize(
    ("customer", "kind", "body", "reply"),
    [
        (TEENVIO, b"text/plain", TEXT, INCOMPLETE),
        (TEENVIO, b"text/html", HTML, INCOMPLETE),
        (
            DEVINO,
            b"application/pdf; name=a.pdf",
            TEXT,
            "554 Transaction failed: Not allowed attachment type pdf",
        ),
        (PERFIT, b"application/pdf; name=a.pdf", TEXT, ""),
        (EMITLO, b"text/html", HTML, ""),
    ],
)
def test_t27_d13_e6_p14_what_a_message_has_to_be_made_of(
    office: Office, customer: Customer, kind: bytes, body: bytes, reply: str
) -> None:
    found = asked(office, customer, message_of(customer, kind=kind, body=body))
    assert (found if isinstance(found, str) else "") == reply


@pytest.mark.parametrize(
    ("customer", "reply"),
    [
        (PERFIT, None),
        (TEENVIO, f"500 Internal error - El mensaje no se puede procesar: {TOO_DEEP}"),
        (DEVINO, f"554 Transaction failed: This message is not taken apart: {TOO_DEEP}"),
        (EMITLO, None),
    ],
)
def test_a_message_that_is_not_taken_apart_goes_only_where_no_rule_is_about_its_parts(
    office: Office, customer: Customer, reply: str | None
) -> None:
    found = asked(office, customer, message_of(customer, kind=b"multipart/mixed; boundary=0", body=DEEP))
    assert (found if isinstance(found, str) else None) == reply


def test_d14_of_several_recipients_the_first_is_sent_to(office: Office) -> None:
    found = asked(office, DEVINO, message_of(DEVINO, ALICE, BOB, "ALICE@example.net", "carol@example.net"))
    assert isinstance(found, Verdict)
    assert (found.going, found.left_out) == ((TO_ALICE,), frozenset({BOB, "carol@example.net"}))
    assert not found.differing


def test_d2_d14_nobody_takes_the_place_of_a_first_recipient_who_is_suppressed(office: Office) -> None:
    office.suppress(ALICE, account="website")
    found = asked(office, DEVINO, message_of(DEVINO, ALICE, BOB))
    assert isinstance(found, Verdict)
    assert found.going == ()


LACKING = "The text lacks [Unsubscribe] and [WebVersion]; "


@pytest.mark.parametrize(
    ("kind", "body", "append", "warnings"),
    [
        (b"text/html", TAGGED, False, ()),
        (b"text/html", HTML, True, (f"{LACKING}links were appended",)),
        (
            b"text/html",
            TAGGED.replace(b"[WebVersion]", b"#"),
            True,
            ("The text lacks [WebVersion]; a link was appended",),
        ),
        (b"text/plain", TEXT, True, (f"{LACKING}links were appended",)),
        (
            b"multipart/signed; boundary=b",
            TWO_PARTS,
            False,
            (f"{LACKING}there is no text that may be changed",),
        ),
    ],
)
def test_d3_a_text_without_its_links_gets_them_and_its_sender_a_warning(
    office: Office, kind: bytes, body: bytes, append: bool, warnings: tuple[str, ...]
) -> None:
    found = asked(office, DEVINO, message_of(DEVINO, kind=kind, body=body))
    assert isinstance(found, Verdict)
    assert (found.append_tags, found.warnings) == (append, warnings)


@pytest.mark.parametrize(
    ("kind", "body", "unread"),
    [
        (
            b"text/plain; charset=windows-1251",
            b"\x98",
            "A text/plain cannot be read in the charset 'windows-1251'",
        ),
        (b"text/html; charset=x-own", TAGGED, "A text/html cannot be read in the charset 'x-own'"),
        (b"text/html", TAGGED + b"\xf1", "A text/html cannot be read in UTF-8, and names no charset"),
        (b"text/html", TAGGED + "ñ".encode(), ""),
        (b"text/html; charset=windows-1251", TAGGED + b"\xf1", ""),
    ],
)
def test_d15_the_sender_is_told_of_a_text_that_cannot_be_made_utf8(
    office: Office, kind: bytes, body: bytes, unread: str
) -> None:
    found = asked(office, DEVINO, message_of(DEVINO, kind=kind, body=body))
    assert isinstance(found, Verdict)
    told = [warning for warning in found.warnings if "lacks" not in warning]
    assert told == ([f"{unread}; it stays as it came"] if unread else [])


def test_d15_nobody_is_told_of_a_charset_where_texts_may_keep_theirs(office: Office) -> None:
    found = asked(office, EMITLO, message_of(EMITLO, kind=b"text/html; charset=x-own", body=HTML))
    assert isinstance(found, Verdict)
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("body", "reply"),
    [(TAGGED, ""), (HTML, "554 Transaction failed: The text must hold [Unsubscribe] and [WebVersion]")],
)
def test_d3_or_it_is_refused_where_the_account_says_so(office: Office, body: bytes, reply: str) -> None:
    office.site.provider("website", "devino: {require_tags: reject}\n")
    assert office.live.reload() is None
    found = asked(office, DEVINO, message_of(DEVINO, kind=b"text/html", body=body))
    assert (found if isinstance(found, str) else "") == reply


def test_d22_an_account_may_have_refusals_without_the_words_before_them(office: Office) -> None:
    office.site.provider("website", "devino: {transaction_failed: false}\n")
    assert office.live.reload() is None
    message = message_of(DEVINO, headers=field("From", "x@devino.example"))
    assert asked(office, DEVINO, message) == "554 Disallowed source address: x@devino.example"


@pytest.mark.parametrize(("on", "offered"), [("true", True), ("false", False)])
def test_e20_list_unsubscribe_is_on_all_mail_unless_a_credential_says_otherwise(
    office: Office, on: str, offered: bool
) -> None:
    file = office.site.folder / "accounts.d" / "yourdomain.yaml"
    file.write_text(file.read_text().replace("prod_demo,", f"prod_demo, list_unsubscribe: {on},"))
    assert office.live.reload() is None
    found = asked(office, EMITLO, message_of(EMITLO))
    assert isinstance(found, Verdict)
    assert found.list_unsubscribe is offered


@pytest.mark.parametrize("value", ["{{name}} *|NAME|* [Unsubscribe]"])
def test_p12_p13_what_steers_other_providers_is_text_to_this_one(office: Office, value: str) -> None:
    steering = (
        *field("X-MSYS-API", '{"campaign_id": "x", "options": {"open_tracking": false}}'),
        *field("X-Teenvio-TrackingClicks", "no"),
    )
    message = message_of(PERFIT, kind=b"text/plain", body=f"{value}\r\n".encode(), headers=steering)
    found = asked(office, PERFIT, message)
    assert isinstance(found, Verdict)
    assert found.options == Options(open_tracking=True, click_tracking=True, transactional=True)


def test_t38_what_nobody_understands_is_a_warning_in_the_log_and_no_event(office: Office) -> None:
    found = asked(office, TEENVIO, message_of(TEENVIO, headers=field("X-Teenvio-Language", "99")))
    assert isinstance(found, Verdict)
    assert len(found.options.warnings) == 1
    assert found.warnings == ()


# What a message chooses that is steered by plain headers


def test_a_message_is_sent_as_the_subaccount_that_it_names(office: Office) -> None:
    headers = (Header("From", b"yo@part.tienda.example"), Header("X-MC-Subaccount", b"part"))
    found = verdict(office, message_of(MANDRILL, headers=headers), MANDRILL.identity)
    assert found.identity == Identity("tienda", "main", "part")
    other = (headers[0], Header("X-MC-Subaccount", b"other"))
    said = "550 5.7.1 No active subaccount 'other' that this login may send as"
    assert refusal(office, message_of(MANDRILL, headers=other), MANDRILL.identity) == said


def test_who_is_suppressed_for_the_named_subaccount_gets_nothing(office: Office) -> None:
    office.suppress(ALICE, "transactional", subaccount="part", account="tienda")
    headers = (Header("From", b"yo@part.tienda.example"), Header("X-MC-Subaccount", b"part"))
    assert verdict(office, message_of(MANDRILL, headers=headers), MANDRILL.identity).suppressed == {ALICE}
    assert not verdict(office, message_of(MANDRILL), MANDRILL.identity).suppressed


def test_bounces_go_to_the_domain_that_a_message_names(office: Office) -> None:
    named = Header("X-MC-ReturnPathDomain", b"bounce.tienda.example")
    found = verdict(office, message_of(MANDRILL, headers=(named,)), MANDRILL.identity)
    assert found.return_path_domain == "bounce.tienda.example"
    wrong = Header("X-MC-ReturnPathDomain", b"tienda.example")
    said = "550 5.6.0 No return path domain 'tienda.example' for this account"
    assert refusal(office, message_of(MANDRILL, headers=(wrong,)), MANDRILL.identity) == said


def test_a_test_goes_to_nobody(office: Office) -> None:
    test = message_of(MAILGUN, ALICE, BOB, headers=(Header("X-Mailgun-Drop-Message", b"yes"),))
    found = verdict(office, test, MAILGUN.identity)
    assert found.left_out == {ALICE, BOB}
    assert found.going == ()


def test_what_is_not_done_is_a_warning(office: Office) -> None:
    asked = message_of(MAILGUN, headers=(Header("X-Mailgun-Dkim", b"no"),))
    assert verdict(office, asked, MAILGUN.identity).warnings == (
        "X-Mailgun-Dkim: no is not supported: the keys of the domain sign",
    )
