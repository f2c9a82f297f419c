import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core.config.accounts import Account, Defaults, Teenvio
from estafeta_core.dialects import teenvio
from estafeta_core.dialects.base import UserName
from estafeta_core.dialects.teenvio import LANGUAGES, TEENVIO
from estafeta_core.directory import Credential
from estafeta_core.headers import Header
from estafeta_core.options import Options
from estafeta_core.refusal import Refusal
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Unscannable

LookUp = Callable[[Sequence[str], Sequence[str]], dict[str, str]]
MakeCredential = Callable[..., Credential]

PLAN = Account(account="plan", dialect="teenvio", senders=("remitente@dominio.example",))
PROFILES = {"facebook": "https://www.facebook.com/dominio", "x": "https://x.com/dominio"}


@pytest.fixture
def credential(make_credential: MakeCredential) -> Credential:
    return make_credential(dialect="teenvio", username="usuario.plan")


def asked(credential: Credential, *lines: str | tuple[str, bytes]) -> Options:
    """Return what a message with these header lines asks for."""
    headers = [Header("Subject", b"prueba")]
    for line in lines:
        name, value = line if isinstance(line, tuple) else (line.partition(":")[0], None)
        headers.append(
            Header(name, line.partition(":")[2].encode() if isinstance(line, str) else value or b"")
        )
    options = TEENVIO.options(headers, credential)
    assert isinstance(options, Options)
    return options


# Logging in


@pytest.mark.parametrize("username", ["usuario.plan", "ana.maria.plan", "a.b"])
def test_t16_the_user_name_names_user_and_plan(username: str) -> None:
    assert TEENVIO.parse_username(username) == UserName(username)


@pytest.mark.parametrize(
    "username", ["", "usuario", "usuario.", ".plan", "a b.plan", "a.b\n", "x" * 128 + ".b"]
)
def test_t16_anything_else_is_no_user_name(username: str) -> None:
    assert TEENVIO.parse_username(username) is None


def test_t07_the_documented_mechanism_is_login() -> None:
    assert TEENVIO.mechanisms == ("LOGIN",)


def test_t18_wrong_data_is_answered_in_teenvios_words() -> None:
    assert TEENVIO.login_refused == "Authentication credentials invalid"


def test_t19_t53_a_command_before_the_login_is_answered_in_teenvios_words() -> None:
    assert str(TEENVIO.authentication_required) == "530 Authentication required"


# The message: its size and what a listener tells of it


def test_t05_t13_a_message_may_have_512000_bytes_and_that_is_announced() -> None:
    assert TEENVIO.size_limit == 512_000
    assert TEENVIO.size_headroom == 0  # the SIZE announced is the documented one


def test_t55_a_message_that_is_too_large_is_answered_in_teenvios_words() -> None:
    said = "552 message size exceeds fixed maximum message size (512000) bytes"
    assert str(TEENVIO.too_large(512_000, PLAN)) == said


def test_t10_the_greeting_is_teenvios_without_the_date() -> None:
    assert TEENVIO.banner == "$myhostname ESMTP API teenvio.com"


# Senders


@pytest.mark.parametrize(
    ("check_from", "looked_at"),
    [(True, {"mail from", "reply-to", "from"}), (False, {"mail from", "reply-to"})],
)
def test_t21_t22_t23_senders_are_looked_at_in_envelope_reply_to_and_from(
    check_from: bool, looked_at: set[str]
) -> None:
    account = Account(account="plan", dialect="teenvio", teenvio=Teenvio(check_from=check_from))
    assert TEENVIO.sender_fields(account) == looked_at
    assert TEENVIO.sender_check == "address"


def test_t21_t56_an_unknown_sender_is_answered_in_teenvios_words() -> None:
    said = "553 Remitente no existente o no validado desde su plan de teenvio"
    assert str(TEENVIO.sender_refused("nadie@dominio.example", PLAN)) == said


# Structure


def structure(text: str) -> Refusal | None:
    """Return what is said about the message that `text` is."""
    head, _, body = text.replace("\n", "\r\n").partition("\r\n\r\n")
    lines = [line.partition(":") for line in head.replace("\r\n ", " ").split("\r\n")]
    headers = tuple(Header(name, value.strip().encode()) for name, _, value in lines)
    root = Message("", (), headers, body.encode()).structure
    assert not isinstance(root, Unscannable)
    return TEENVIO.check_structure(root, PLAN)


def multipart(kind: str, *parts: str) -> str:
    """Return the fields and the body of a multipart with these parts, each with its fields."""
    boundary = f"{kind}-{zlib.crc32(''.join(parts).encode())}"
    inner = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return f"Content-Type: multipart/{kind}; boundary={boundary}\n\n{inner}--{boundary}--\n"


PLAIN = "Content-Type: text/plain; charset=utf-8\n\nHola\n"
HTML = "Content-Type: text/html; charset=utf-8\n\n<p>Hola</p>\n"
IMAGE = "Content-Type: image/png\nContent-ID: <a@b>\nContent-Transfer-Encoding: base64\n\nAAAA\n"
ATTACHED = "Content-Disposition: attachment; filename=x\n"
NAMED = "Content-Disposition: inline; filename=x.html\n"


@pytest.mark.parametrize(
    "message",
    [
        multipart("alternative", PLAIN, HTML),
        multipart("alternative", HTML, PLAIN),
        multipart(
            "mixed", multipart("related", multipart("alternative", PLAIN, HTML), IMAGE), ATTACHED + HTML
        ),
        multipart("mixed", PLAIN, HTML),
        multipart("alternative", PLAIN, multipart("related", HTML, IMAGE)),
        multipart("alternative", "\nno type is text/plain\n", HTML),
        multipart("mixed", PLAIN, NAMED + HTML),
    ],
)
def test_t28_the_two_texts_may_stand_anywhere_in_the_tree(message: str) -> None:
    assert structure(message) is None


@pytest.mark.parametrize(
    "message",
    [
        PLAIN,
        HTML,
        multipart("alternative", PLAIN, PLAIN),
        multipart("alternative", HTML),
        multipart("mixed", PLAIN, ATTACHED + HTML),
        multipart("mixed", ATTACHED + PLAIN, HTML),
        multipart("mixed", PLAIN, 'Content-Type: text/html; name="x.html"\n\n<p>\n'),
        multipart("mixed", PLAIN, "Content-Type: message/rfc822\n\n" + multipart("alternative", PLAIN, HTML)),
        multipart("mixed", PLAIN, "Content-Type: application/xhtml+xml\n\n<p/>\n"),
    ],
)
def test_t27_a_message_without_one_of_them_is_incomplete(message: str) -> None:
    said = "500 Internal error - El mensaje debe contener texto plano y texto HTML"
    assert str(structure(message)) == said


def test_t57_whatever_else_is_wrong_with_a_message_is_an_internal_error_with_its_description() -> None:
    for refusal in (TEENVIO.unscannable("more than 1000 parts", PLAN), TEENVIO.hosting_full(PLAN)):
        assert str(refusal).startswith("500 Internal error - ")
        assert refusal.text.isascii()  # a reply cannot hold an accent
    assert TEENVIO.structure_required  # one that cannot be taken apart is not passed on unread
    assert TEENVIO.store_failed.code == 451  # a fault of ours, and the client comes again


# The five headers


def test_t29_t31_t33_t36_t37_t47_without_a_header_teenvios_defaults_hold(credential: Credential) -> None:
    assert asked(credential) == Options(
        open_tracking=True,
        click_tracking=True,
        head="es",
        foot="es",
        link_attachments=True,
        host_images=True,
        keep_content=True,
    )


def test_the_accounts_defaults_hold_where_the_message_says_nothing(make_credential: MakeCredential) -> None:
    defaults = Defaults(
        open_tracking=False,
        click_tracking=False,
        initial_open_pixel=True,
        transactional=True,
        return_path="keep",
    )
    options = asked(
        make_credential(defaults, dialect="teenvio", username="u.p"), "X-Teenvio-TrackingClicks: yes"
    )
    assert (options.open_tracking, options.click_tracking) == (False, True)
    assert (options.initial_open_pixel, options.transactional, options.return_path) == (True, True, "keep")


@pytest.mark.parametrize(
    ("value", "shown", "warned"),
    [
        ("no", False, False),
        ("yes", True, False),
        ("NO", False, False),
        ("  No \t", False, False),
        ("", True, True),
        ("0", True, True),
        ("false", True, True),
        ("no; really", True, True),
    ],
)
@pytest.mark.parametrize("name", ["ShowCab", "TrackingOpening", "TrackingClicks"])
def test_t33_t36_t37_t38_what_is_on_goes_off_with_no_and_with_nothing_else(
    credential: Credential, name: str, value: str, shown: bool, warned: bool
) -> None:
    options = asked(credential, f"X-Teenvio-{name}: {value}")
    found = {
        "ShowCab": bool(options.head),
        "TrackingOpening": options.open_tracking,
        "TrackingClicks": options.click_tracking,
    }
    assert found.pop(name) is shown
    assert all(found.values())
    assert bool(options.warnings) is warned
    assert options.foot == "es"  # the foot is always there


@pytest.mark.parametrize(
    ("value", "shown", "warned"),
    [
        ("yes", True, False),
        ("YES", True, False),
        ("no", False, False),
        ("1", False, True),
        ("si", False, True),
    ],
)
def test_t34_social_profiles_are_shown_with_yes_and_with_nothing_else(
    make_credential: MakeCredential, value: str, shown: bool, warned: bool
) -> None:
    account = {"teenvio": Teenvio(social=PROFILES)}
    credential = make_credential(dialect="teenvio", username="u.p", account=account)
    options = asked(credential, f"X-Teenvio-SocialLinks: {value}")
    assert options.social == (tuple(PROFILES.items()) if shown else ())
    assert bool(options.warnings) is warned


def test_t34_profiles_that_an_account_does_not_have_are_not_silently_left_out(credential: Credential) -> None:
    options = asked(credential, "X-Teenvio-SocialLinks: yes")
    assert options.social == ()
    assert options.warnings == (
        "X-Teenvio-SocialLinks: yes, but the account has no profiles (teenvio.social)",
    )


@pytest.mark.parametrize(("number", "language"), LANGUAGES.items())
def test_t35_head_and_foot_have_the_language_of_the_number(
    credential: Credential, number: str, language: str
) -> None:
    options = asked(credential, f"X-Teenvio-Language: {number}")
    assert (options.head, options.foot, options.warnings) == (language, language, ())


def test_t35_there_are_the_thirteen_languages_of_the_manual() -> None:
    numbers = [3, 4, 5, 6, 7, 8, 11, 13, 14, 15, 16, 17, 18]
    assert list(LANGUAGES) == [str(number) for number in numbers]
    assert " ".join(LANGUAGES.values()) == "es en it fr de nl pt no sv ca fi gl eu"


@pytest.mark.parametrize("number", ["0", "1", "12", "19", "-3", "3.0", "es", "", "٣", "3 4"])
def test_t35_another_number_means_spanish_and_a_warning(credential: Credential, number: str) -> None:
    options = asked(credential, f"X-Teenvio-Language: {number}")
    assert (options.head, options.foot) == ("es", "es")
    assert len(options.warnings) == 1
    assert options.warnings[0].startswith("X-Teenvio-Language: ")


def test_t38_names_count_in_any_case_and_with_a_space_before_the_colon(credential: Credential) -> None:
    options = asked(credential, ("x-teenvio-LANGUAGE ", b"4"), ("X-TEENVIO-SHOWCAB", b"no"))
    assert (options.head, options.foot) == ("", "en")


def test_t38_a_header_given_twice_counts_when_both_say_the_same(credential: Credential) -> None:
    alike = asked(credential, "X-Teenvio-ShowCab: no", "x-teenvio-showcab: NO")
    assert (alike.head, alike.warnings) == ("", ())
    differing = asked(credential, "X-Teenvio-ShowCab: no", "X-Teenvio-ShowCab: yes", "X-Teenvio-ShowCab: no")
    assert differing.head == "es"
    assert differing.warnings == (
        "X-Teenvio-ShowCab is given 3 times with different values; the default holds",
    )


def test_a_header_that_teenvio_does_not_have_is_told_of_once(credential: Credential) -> None:
    options = asked(credential, *(f"X-Teenvio-{number}: yes" for number in range(500)))
    assert options.warnings == ("x-teenvio-0 is no header of Teenvio's",)


def test_t32_other_headers_change_nothing(credential: Credential) -> None:
    others = ("X-MSYS-API: {}", "X-Priority: 1", "User-Agent: x", "X-SMTPAPI: {}", ":", "X-Teenvio: no")
    assert asked(credential, *others) == asked(credential)


def test_t39_the_headers_are_known_to_whoever_removes_them() -> None:
    assert TEENVIO.control_headers == {
        "x-teenvio-showcab",
        "x-teenvio-sociallinks",
        "x-teenvio-language",
        "x-teenvio-trackingopening",
        "x-teenvio-trackingclicks",
    }
    assert all(name.startswith(TEENVIO.control_prefixes) for name in TEENVIO.control_headers)


def test_t62_all_five_headers_as_the_phpmailer_example_sends_them(make_credential: MakeCredential) -> None:
    account = {"teenvio": Teenvio(social=PROFILES)}
    options = asked(
        make_credential(dialect="teenvio", username="u.p", account=account),
        *("X-Teenvio-ShowCab: yes", "X-Teenvio-SocialLinks: yes", "X-Teenvio-Language: 3"),
        *("X-Teenvio-TrackingOpening: yes", "X-Teenvio-TrackingClicks: yes"),
    )
    assert (options.head, options.foot, options.warnings) == ("es", "es", ())
    assert options.social == tuple(PROFILES.items())
    assert options.open_tracking
    assert options.click_tracking


@given(st.binary(max_size=200))
def test_no_value_raises_or_makes_a_long_warning(value: bytes) -> None:
    account = Account(account="plan", dialect="teenvio")
    credential = Credential("u", account, None, frozenset(), (), frozenset())  # type: ignore[arg-type] # unread
    for name in TEENVIO.control_headers:
        options = TEENVIO.options([Header(name, value)], credential)
        assert isinstance(options, Options)
        assert all(len(warning) < 400 and warning.isprintable() for warning in options.warnings)


def test_no_option_of_another_provider_is_asked_for(credential: Credential) -> None:
    options, nothing = asked(credential, "X-Teenvio-SocialLinks: yes"), Options()
    changed = {
        field.name
        for field in fields(Options)
        if getattr(options, field.name) != getattr(nothing, field.name)
    }
    ours = {"open_tracking", "click_tracking", "link_attachments", "host_images", "head", "foot"}
    assert changed == {*ours, "keep_content", "warnings"}


def test_t44_contacts_are_kept() -> None:
    assert TEENVIO.keeps_contacts


# The receipt


def test_t41_a_receipt_has_the_form_of_the_example() -> None:
    receipt = TEENVIO.receipt(1166)
    word, number, digest = receipt.split(" ")
    assert (word, number) == ("OK", "id=1166")
    assert len(bytes.fromhex(digest)) == 16


def test_t41_the_same_send_has_the_same_receipt_and_others_have_others() -> None:
    receipts = {TEENVIO.receipt(number) for number in range(1000)}
    assert len(receipts) == 1000
    assert TEENVIO.receipt(7) in receipts
    assert len({receipt.split(" ")[2] for receipt in receipts}) == 1000


# Commands


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("FOO", "500 5.5.1 Invalid command"),
        ("foo bar", "500 5.5.1 Invalid command"),
        ("EXPN", "500 5.5.1 Invalid command"),
        ("X500", "500 5.5.1 Invalid command"),
        ("", "500 Syntax error"),
        ("   ", "500 Syntax error"),
        ("123", "500 Syntax error"),
        ("\ufffd\ufffd", "500 Syntax error"),
        ("X500SYNTAX", "500 Syntax error"),
        ("X504PARAMETER", "504 A command parameter is not implemented."),
    ],
)
def test_t49_t50_t52_t58_a_command_that_postfix_does_not_know(command: str, said: str) -> None:
    assert str(TEENVIO.command_refused(command)) == said


@pytest.mark.parametrize("command", ["HELP", "help", "HELP MAIL"])
def test_t14_help_is_answered_with_something_useful(command: str) -> None:
    refusal = TEENVIO.command_refused(command)
    assert refusal is not None
    assert (refusal.code, refusal.status) == (502, "5.5.1")
    assert "AUTH LOGIN" in refusal.text


def filtered(look_up: LookUp, commands: Sequence[str]) -> dict[str, str]:
    """Return what each command that the filter changes is answered, as Postfix looks it up."""
    found = look_up(TEENVIO.command_filter, commands)
    return {command: str(TEENVIO.command_refused(word)) for command, word in found.items()}


@pytest.mark.parametrize(
    "command",
    [
        "AUTH CRAM-MD5",
        "auth digest-md5 ",
        "AUTH  NTLM",
        "AUTH LOGINS",
        "AUTH X",
        "MAIL FROM:<a@b.example> XFOO=1",
        "MAIL FROM:<a@b.example> XFOO",
        "MAIL FROM:<> XFOO=1",
        "mail from:<a@b.example> size=10 xfoo=1",
        "MAIL FROM: <a@b.example> XFOO=1 SIZE=10",
        "RCPT TO:<a@b.example> FOO=1",
        "RCPT TO:<a@b.example> NOTIFY=NEVER FOO",
        "MAIL FROM:<a@b.example> SIZES=10",
    ],
)
def test_t52_a_parameter_that_nobody_has_registered_is_answered_in_teenvios_words(
    look_up: LookUp, command: str
) -> None:
    assert filtered(look_up, [command]) == {command: "504 A command parameter is not implemented."}


@pytest.mark.parametrize("command", ["", "   ", "123 abc", "<b>", "-", "\x16\x03\x01", "é", "* OK"])
def test_t58_an_empty_or_garbled_line_is_a_syntax_error(look_up: LookUp, command: str) -> None:
    assert filtered(look_up, [command]) == {command: "500 Syntax error"}


INNOCENT = [
    *("HELO x", "EHLO [192.0.2.1]", "EHLO x", "STARTTLS", "DATA", "RSET", "NOOP", "NOOP x", "QUIT", "HELP"),
    *("VRFY x", "EXPN x", "ETRN x", "BDAT 10 LAST", "XCLIENT ADDR=192.0.2.1", "FOO", "Subject: x"),
    *("AUTH", "AUTH LOGIN", "AUTH LOGIN dXN1YXJpby5wbGFu", "AUTH PLAIN", "AUTH PLAIN AHUAcA==", "auth login"),
    *("AUTH XOAUTH2 dXNlcj1h", "AUTH CRAM-MD5 x y", "AUTH PLAIN AHUAcA== x", "AUTH LOGIN ="),
    "MAIL FROM:<a@b.example>",
    "MAIL FROM:<>",
    "MAIL FROM: yo@midominio.com",
    "MAIL FROM:a@b.example SIZE=1307",
    "MAIL FROM:<remitente@dominio.com> SIZE=1307",
    "MAIL FROM:<a@b.example> BODY=8BITMIME SIZE=10 RET=FULL ENVID=QQ=314+2B AUTH=e+3Dmc2@b.example SMTPUTF8",
    "MAIL FROM:<a@b.example> AUTH=<> REQUIRETLS",
    "MAIL FROM:<a@b.example> BY=120;R MT-PRIORITY=3 HOLDFOR=60 HOLDUNTIL=2030-01-01T00:00:00Z MTRK=x",
    "MAIL FROM:<a@b.example> SOLICIT=a SUBMITTER=a@b TRANSID=<1@x> CONPERM XVERP=+=",
    "mail from:<a@b.example> size=10 body=7bit ",
    "MAIL FROM:<ü@b.example> SMTPUTF8",
    'MAIL FROM:<"a> XFOO=1"@b.example> SIZE=1',
    'MAIL FROM:<"a b"@b.example> SIZE=1',
    "MAIL FROM:<a@[192.0.2.1]> XFOO=1",
    "MAIL FROM:<@a.example:b@c.example> SIZE=1",
    "RCPT TO:<a@b.example>",
    "RCPT TO: destinatario@domain.com",
    "RCPT TO:<a@b.example> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;a+2Bb@b.example",
    "RCPT TO:<a@b.example> RRVS=2014-04-03T23:01:00Z;C CONNEG",
    "RCPT TO:<User Name <user@example.com>>",
]


def test_no_command_of_an_innocent_client_is_changed(look_up: LookUp) -> None:
    assert look_up(TEENVIO.command_filter, INNOCENT) == {}


def test_no_command_with_a_secret_in_it_is_replaced_for_smtpd_logs_what_it_replaces(look_up: LookUp) -> None:
    secret = "AHVzdWFyaW8ucGxhbgBzZWNyZXQ="
    mechanisms = ("PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER", "NTLM", "SCRAM-SHA-256", "plain")
    commands = [
        f"AUTH{space}{word} {secret}{end}" for word in mechanisms for space in " \t" for end in ("", " ")
    ]
    assert look_up(TEENVIO.command_filter, commands) == {}


def test_the_longest_command_takes_no_time(look_up: LookUp) -> None:
    longest = 2000  # Postfix cuts lines there (line_length_limit is 2048)
    pieces = (" a", " SIZE=1", " a=", " =", "<", " ")
    commands = [
        f"{verb}{piece * (longest // len(piece))}{end}"
        for verb in ("MAIL FROM:<a@b.example>", "RCPT TO:<", "AUTH")
        for piece in pieces
        for end in ("", " XFOO=1", ">")
    ]
    before = os.times().children_user
    look_up(TEENVIO.command_filter, commands)
    assert os.times().children_user - before < 0.02 * len(commands)  # of the processor, in seconds


@pytest.mark.parametrize(
    ("reply", "with_footer"),
    [
        (
            "503 5.5.1 Error: need RCPT command",
            "503 5.5.1 Error: need RCPT command; 503 valid RCPT and MAIL command must precede DATA",
        ),
        (
            "554 5.5.1 Error: no valid recipients",
            "554 5.5.1 Error: no valid recipients; valid RCPT and MAIL command must precede DATA",
        ),
        (
            "552 5.3.4 Message size exceeds fixed limit",
            (
                "552 5.3.4 Message size exceeds fixed limit; message size exceeds fixed maximum message size"
                " (512000) bytes"
            ),
        ),
        (
            "552 5.3.4 Error: message file too big",
            (
                "552 5.3.4 Error: message file too big; message size exceeds fixed maximum message size"
                " (512000) bytes"
            ),
        ),
        (
            "452 4.5.3 Error: too many recipients",
            "452 4.5.3 Error: too many recipients; Internal error - exceso de contactos",
        ),
        (
            "555 5.5.4 Unsupported option: BODY=FOO",
            "555 5.5.4 Unsupported option: BODY=FOO; 504 A command parameter is not implemented.",
        ),
        (
            "535 5.7.8 Error: authentication failed: Invalid authentication mechanism",
            (
                "535 5.7.8 Error: authentication failed: Invalid authentication mechanism; 504 A command"
                " parameter is not implemented."
            ),
        ),
    ],
)
def test_t25_t51_t52_t55_postfixs_own_refusals_end_in_teenvios_words(
    look_up: LookUp, reply: str, with_footer: str
) -> None:
    found = look_up(TEENVIO.reject_footers(512_000), [reply])
    assert reply + found[reply].removeprefix(r"\c") == with_footer


def test_t55_the_text_names_the_limit_of_the_listener(look_up: LookUp) -> None:
    reply = "552 5.3.4 Error: message file too big"
    assert "(1000000) bytes" in look_up(TEENVIO.reject_footers(1_000_000), [reply])[reply]


def test_no_other_reply_gets_a_text_whoever_wrote_into_it(look_up: LookUp) -> None:
    ours = [str(value) for value in vars(teenvio).values() if isinstance(value, Refusal)]
    replies = [
        *ours,
        str(TEENVIO.authentication_required),
        str(TEENVIO.too_large(512_000, PLAN)),
        "503 5.5.1 need MAIL command",
        "503 5.5.1 Error: need MAIL command",
        "503 5.5.1 Error: nested MAIL command",
        "535 5.7.8 Error: authentication failed: Authentication credentials invalid",
        "535 5.7.8 Error: authentication failed: Credential suspended",
        "554 5.7.1 <503 5.5.1 Error: need RCPT command>: Recipient address rejected: x",
        "550 5.1.1 555 5.5.4 Unsupported option: x",
        "501 5.5.4 Syntax: MAIL FROM:<address>",
        "451 4.7.1 Service unavailable - try again later",
        "421 4.4.2 mx.example.com Error: timeout exceeded",
    ]
    assert look_up(TEENVIO.reject_footers(512_000), replies) == {}


def test_replies_fit_into_one_smtp_line() -> None:
    replies = [value for value in vars(teenvio).values() if isinstance(value, Refusal)]
    assert len(replies) > 5
    assert all(len(str(reply)) < 510 and str(reply).isascii() and "%" not in reply.text for reply in replies)
