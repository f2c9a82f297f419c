from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from estafeta_core.config.accounts import Account, Defaults, Devino
from estafeta_core.dialects import devino
from estafeta_core.dialects.base import NO_CONTENT, UserName, walk
from estafeta_core.dialects.devino import DEVINO
from estafeta_core.directory import Credential
from estafeta_core.headers import Header
from estafeta_core.options import Options
from estafeta_core.refusal import Refusal
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Unscannable
from estafeta_testing import corpora
from estafeta_testing.cost import at_most

LookUp = Callable[[Sequence[str], Sequence[str]], dict[str, str]]
MakeCredential = Callable[..., Credential]

WEBSITE = Account(account="website", dialect="devino")


def with_settings(**settings: object) -> Account:
    return Account(account="website", dialect="devino", devino=Devino(**settings))  # type: ignore[arg-type] # any


@pytest.fixture
def credential(make_credential: MakeCredential) -> Credential:
    return make_credential(dialect="devino", username="1website")


# Logging in


@pytest.mark.parametrize("username", ["1website", "test", "a.b@c", "SMTP_Injection"])
def test_d05_d09_a_user_name_is_whatever_the_operator_gives(username: str) -> None:
    assert DEVINO.parse_username(username) == UserName(username)


@pytest.mark.parametrize("username", ["", "1 website", "1website\n", "ü", "x" * 129])
def test_other_text_is_no_user_name(username: str) -> None:
    assert DEVINO.parse_username(username) is None


def test_d09_both_mechanisms_are_taken_for_net_knows_only_one() -> None:
    assert set(DEVINO.mechanisms) == {"LOGIN", "PLAIN"}


def test_d23_no_login_and_a_wrong_one_have_the_same_text() -> None:
    assert (
        str(DEVINO.authentication_required) == "554 Transaction failed: Must authenticate before sending mail"
    )
    assert DEVINO.login_refused == "Must authenticate before sending mail"


# The table of errors


@pytest.mark.parametrize("prefix", [True, False])
def test_d22_every_refusal_is_a_554_with_the_text_of_the_table(prefix: bool) -> None:
    account = with_settings(transaction_failed=prefix)
    words = "Transaction failed: " if prefix else ""
    said = {
        "Message exceeds fixed size limit": DEVINO.too_large(512_000, account),
        "Invalid recipient address: bob@@example": DEVINO.recipient_refused("bob@@example", account),
        "Disallowed source address: me@x.example": DEVINO.sender_refused("me@x.example", account),
        "The text must hold [Unsubscribe] and [WebVersion]": DEVINO.tags_missing(account),
        "This message is not taken apart: more than 1000 parts": DEVINO.unscannable(
            "more than 1000 parts", account
        ),
        "The storage of this account is full": DEVINO.hosting_full(account),
    }
    for text, refusal in said.items():
        assert str(refusal) == f"554 {words}{text}"


def test_d12_d24_a_message_may_have_500_kilobytes_and_the_refusal_of_a_larger_one_is_devinos() -> None:
    assert DEVINO.size_limit == 512_000
    assert DEVINO.size_headroom > 0  # Postfix would say 552


def test_d25_a_fault_of_the_service_is_temporary_for_a_554_would_lose_the_mail() -> None:
    assert str(DEVINO.store_failed) == "451 4.3.0 Internal server error"


def test_d10_d30_senders_are_looked_at_in_envelope_from_and_sender() -> None:
    assert DEVINO.sender_fields(WEBSITE) == {"mail from", "from", "sender"}
    assert DEVINO.sender_check == "address"


@pytest.mark.parametrize(
    ("reply", "with_footer"),
    [
        (
            "501 5.1.3 Bad recipient address syntax",
            "501 5.1.3 Bad recipient address syntax; Transaction failed: Invalid recipient address",
        ),
        (
            "501 5.1.7 Bad sender address syntax",
            "501 5.1.7 Bad sender address syntax; Transaction failed: Disallowed source address",
        ),
        (
            "552 5.3.4 Message size exceeds fixed limit",
            (
                "552 5.3.4 Message size exceeds fixed limit; Transaction failed: Message exceeds fixed size"
                " limit"
            ),
        ),
        (
            "552 5.3.4 Error: message file too big",
            "552 5.3.4 Error: message file too big; Transaction failed: Message exceeds fixed size limit",
        ),
    ],
)
def test_d24_d27_d28_postfixs_own_refusals_end_in_devinos_words(
    look_up: LookUp, reply: str, with_footer: str
) -> None:
    assert reply + look_up(DEVINO.reject_footers(512_000), [reply])[reply].removeprefix(r"\c") == with_footer


def test_no_other_reply_gets_a_text(look_up: LookUp) -> None:
    replies = [
        str(DEVINO.authentication_required),
        str(DEVINO.too_large(1, WEBSITE)),
        str(DEVINO.recipient_refused("501 5.1.3 Bad recipient address syntax", WEBSITE)),
        "553 5.1.3 Bad recipient address syntax",
        "501 5.5.4 Syntax: RCPT TO:<address>",
        "503 5.5.1 Error: need RCPT command",
    ]
    assert look_up(DEVINO.reject_footers(512_000), replies) == {}


def test_no_command_is_changed() -> None:
    assert DEVINO.command_filter == ()
    assert DEVINO.command_refused("FOO") is None


# What a message asks for


def test_d03_d14_d15_d16_d17_d19_without_settings_devinos_page_holds(credential: Credential) -> None:
    assert DEVINO.options([Header("Subject", b"x")], credential) == Options(
        open_tracking=True,
        click_tracking=True,
        first_recipient_only=True,
        to_utf8=True,
        merge_tags=True,
        missing_tags="append",
        tags_footer="ru",
        keep_content=True,
    )


def test_d03_the_account_may_have_texts_without_tags_refused(make_credential: MakeCredential) -> None:
    account = {"devino": Devino(require_tags="reject")}
    options = DEVINO.options([], make_credential(dialect="devino", username="u", account=account))
    assert isinstance(options, Options)
    assert options.missing_tags == "reject"


def test_the_accounts_defaults_hold(make_credential: MakeCredential) -> None:
    defaults = Defaults(
        open_tracking=False,
        click_tracking=False,
        initial_open_pixel=True,
        transactional=True,
        return_path="keep",
    )
    options = DEVINO.options([], make_credential(defaults, dialect="devino", username="u"))
    assert isinstance(options, Options)
    assert not options.tracked
    assert (options.initial_open_pixel, options.transactional, options.return_path) == (True, True, "keep")


def test_no_header_changes_anything(credential: Credential) -> None:
    headers = [Header("X-MSYS-API", b"{}"), Header("X-Teenvio-ShowCab", b"no")]
    assert DEVINO.options(headers, credential) == DEVINO.options([], credential)
    assert DEVINO.control_headers == frozenset()


# Files


def said_of(raw: bytes, account: Account = WEBSITE) -> str | None:
    """Return the refusal of the message for a file in it."""
    headers, body = corpora.received(raw)
    root = Message("", (), headers, body).structure
    assert not isinstance(root, Unscannable)
    refusal = DEVINO.check_structure(root, account)
    return None if refusal is None else str(refusal)


def letter(html: str = "<p>Привет</p>") -> EmailMessage:
    message = EmailMessage(policy=policy.SMTP)
    message["Subject"] = "x"
    message.set_content("Привет")
    message.add_alternative(html, subtype="html")
    return message


def not_allowed(extension: str) -> str:
    return f"554 Transaction failed: Not allowed attachment type {extension}"


def test_texts_are_no_files() -> None:
    assert said_of(bytes(letter())) is None
    assert said_of(b"Subject: x\r\n\r\nHello\r\n") is None


def test_d30_the_net_example_of_the_page_has_no_file() -> None:
    text = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n0J/RgNC4\r\n"
    assert said_of(text.encode()) is None


def test_d13_images_inside_the_message_are_no_files() -> None:
    message = letter('<img src="cid:logo@x">')
    message.get_payload(1).add_related(  # type: ignore[union-attr] # the second alternative
        b"PNG", "image", "png", cid="<logo@x>", filename="logo.png", disposition="inline"
    )
    assert said_of(bytes(message)) is None
    assert said_of(b"Content-Type: image/gif; name=x.gif\r\nContent-ID: <a@b>\r\n\r\nGIF89a\r\n") is None


@pytest.mark.parametrize(
    "naming",
    [
        b"",
        b"; name=photo.JPG",
        b"; name=my photo.v1.2.jpeg",
        b'; name="logo"',
        b'; name=""',
        b"; name*0*=utf-8''a%20v1.2%C3; name*1*=%B1; name*2=.webp",
        b'; name="=?utf-8?Q?a=C3=B1o_1.2.png?="',
        b"; name=\"=?iso-8859-1?Q?=FC.jpg?=\"\r\nContent-Disposition: inline; filename*=iso-8859-1''%FC.jpg",
    ],
)
def test_d13_an_image_may_have_the_name_of_an_image(naming: bytes) -> None:
    assert said_of(b"Content-Type: image/png%s\r\n\r\nPNG" % naming) is None


@pytest.mark.parametrize(
    "naming",
    [
        b"; name=evil.exe",
        b"\r\nContent-Disposition: inline; filename=evil.exe",
        b"; name=a.png; name=evil.exe",
        b"; name=evil.exe; name=a.png",
        b"; name=evil.exe\r\nContent-Disposition: inline; filename=a.png",
        b"; name*=utf-8''a.png; name=evil.exe",
        b"; name=a.png; name*=utf-8''evil%2Eexe",
        b"; name*0=a.png; name*2=.exe",
        b"; name*1=a.png; name*0=x.exe; name*9=.png",
        b"; name=evil.exe .png",
        b'; name="evil.exe',
        b"; =; name=evil.exe",
        b"; filename=evil.exe",
        b'; name="=?x-unknown?Q?evil=2Eexe?="',
        b'; name="evil.exe. . "',
    ],
)
@pytest.mark.parametrize("kind", ["image/png", "text/plain"])
def test_d13_whatever_programs_may_take_for_the_name_counts(naming: bytes, kind: str) -> None:
    refused = said_of(b"Content-Type: %s%s\r\n\r\nMZ" % (kind.encode(), naming))
    if kind == "image/png":
        assert refused == not_allowed("exe")
    assert refused is not None


def test_d13_no_second_name_stands_behind_an_allowed_one() -> None:
    allowed = with_settings(attachment_types=("pdf",))
    part = b"Content-Type: application/x; name=%s\r\nContent-Disposition: attachment; filename=a.pdf\r\n\r\nx"
    assert said_of(part % b"a.pdf", allowed) is None
    assert said_of(part % b"report", allowed) is None
    assert said_of(part % b"evil.exe", allowed) == not_allowed("exe")


@pytest.mark.parametrize(("kind", "extension"), [("svg+xml", "svg"), ("x-icon", "ico"), ("png", "html")])
def test_d13_an_image_that_programs_open_elsewhere_is_a_file(kind: str, extension: str) -> None:
    assert said_of(f"Content-Type: image/{kind}; name=a.{extension}\r\n\r\nx".encode()) == not_allowed(
        extension
    )


@pytest.mark.parametrize(
    ("file_name", "kind", "extension"),
    [
        ("price.pdf", "application/pdf", "pdf"),
        ("PRICE.PDF", "application/octet-stream", "pdf"),
        ("photo.jpg", "image/jpeg", "jpg"),  # attached, not shown
        ("прайс.xlsx", "application/octet-stream", "xlsx"),
        ("archive.tar.gz", "application/gzip", "gz"),
        ("readme", "application/pdf", "pdf"),
    ],
)
def test_d13_d26_a_file_is_refused_by_its_extension(file_name: str, kind: str, extension: str) -> None:
    message = letter()
    main, _, sub = kind.partition("/")
    message.add_attachment(b"x", main, sub, filename=file_name)
    assert said_of(bytes(message)) == not_allowed(extension)


@dataclass(frozen=True)
class File:
    """A part with any name, however it was written in the message."""

    file_name: str
    content_type: str = "application/pdf"
    disposition: str = "attachment"
    doubt: str = ""
    children: tuple[()] = ()

    @property
    def file_names(self) -> tuple[str, ...]:
        return (self.file_name,)


@pytest.mark.parametrize(
    ("file_name", "extension"),
    [
        ("evil.exe.", "exe"),  # Windows drops what stands behind
        ("evil.exe . \t", "exe"),
        ("evil.pdf\0.exe", "exe"),
        ("evil.pdf\n.exe", "exe"),
        (".htaccess", "htaccess"),
        ("dir.d/readme", "pdf"),
        (r"C:\v1.2\readme", "pdf"),
        ("dir.d/\nreadme.exe", "exe"),
        ("...", "pdf"),
        ("/", "pdf"),
        ("", "pdf"),
        ("x." + "a" * 100, "a" * 32),
    ],
)
def test_d26_no_name_hides_its_extension(file_name: str, extension: str) -> None:
    refusal = DEVINO.check_structure(File(file_name), WEBSITE)
    assert str(refusal) == not_allowed(extension)


@pytest.mark.parametrize("piece", ["a", ".", "/", " ", "a."])
def test_the_longest_name_takes_no_time(piece: str) -> None:
    with at_most(0.5):
        assert DEVINO.check_structure(File(piece * 200_000), WEBSITE) is not None


@pytest.mark.parametrize(
    ("part", "extension"),
    [
        (b"Content-Disposition: attachment\r\nContent-Type: application/pdf\r\n\r\nx", "pdf"),
        (b"Content-Disposition: attachment\r\nContent-Type: text/html\r\n\r\nx", "html"),
        (b"Content-Type: application/octet-stream\r\n\r\nx", "octet-stream"),
        (b"Content-Type: application/pdf; name=a.pdf\r\nContent-Disposition: inline\r\n\r\nx", "pdf"),
        (b"Content-Type: text/csv; name=a.csv\r\n\r\nx", "csv"),
        (b"Content-Type: text/plain\r\nContent-Disposition: inline; filename=a.bat\r\n\r\nx", "bat"),
        (b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nx", "rfc822"),
        (b"Content-Type: audio/mpeg; name=a.mp3\r\n\r\nx", "mp3"),
    ],
)
def test_d13_whatever_readers_show_as_a_file_is_one(part: bytes, extension: str) -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n--b\r\n%s\r\n--b--\r\n" % part
    )
    assert said_of(raw) == not_allowed(extension)
    assert said_of(part) == not_allowed(extension)  # the whole message may be one


def test_d26_the_account_may_allow_extensions() -> None:
    message = letter()
    message.add_attachment(b"x", "application", "pdf", filename="a.PDF")
    raw = bytes(message)
    assert said_of(raw, with_settings(attachment_types=("csv", "pdf"))) is None
    assert said_of(raw, with_settings(attachment_types=("csv",))) == not_allowed("pdf")
    message.add_attachment(b"x", "application", "zip", filename="a.zip")
    assert said_of(bytes(message), with_settings(attachment_types=("pdf",))) == not_allowed("zip")
    bare = with_settings(transaction_failed=False)
    assert said_of(raw, bare) == "554 Not allowed attachment type pdf"


def test_a_message_that_cannot_be_taken_apart_is_refused_for_a_file_may_be_in_it() -> None:
    assert DEVINO.structure_required


PROGRAM = b"Content-Disposition: attachment; filename=evil.exe\r\n\r\nMZ"
INNER = b"\r\n\r\n--z\r\n" + PROGRAM + b"\r\n--z--"
DOUBTS = {
    b"Content-Type: garbage; name=evil.exe\r\n\r\nMZ": "a Content-Type that cannot be read",
    b"Content-Type:\r\n\r\nMZ": "a Content-Type that cannot be read",
    b"Content-Type: multipart/x; boundary=z; name=evil.exe\r\n\r\nMZ": "a multipart without parts",
    b"Content-Type: multipart/x; name=evil.exe\r\n\r\nMZ": "a multipart without boundary",
    b"Content-Type: image/png\r\nContent-Type: application/x; name=evil.exe\r\n\r\nMZ": (
        "a content field given twice"
    ),
    b"Content-Type: text/plain\r\nContent-Type: application/x; name=evil.exe\r\n\r\nMZ": (
        "a content field given twice"
    ),
    b"Content-Type: multipart/mixed; boundary=y; boundary=z" + INNER: "boundary given twice",
    b"Content-Type: multipart/mixed; boundary*=utf-8''z" + INNER: "boundary in an RFC 2231 form",
    b"Content-Type: multipart/mixed; boundary=z\r\nContent-Transfer-Encoding: base64"
    + INNER: "a multipart with a transfer encoding",
    b"nonsense\r\n" + PROGRAM: "a header block without an empty line",
    b"Content-Type: image/png;" + b" name=a.png;" * 101 + b" name=evil.exe\r\n\r\nMZ": (
        "more than 100 parameters"
    ),
    b"Content-Type: image/png; =" + b"; name=a.png" * 101 + b"; name=evil.exe\r\n\r\nMZ": (
        "more than 100 file names"
    ),
}


@pytest.mark.parametrize(("part", "doubt"), DOUBTS.items(), ids=DOUBTS.values())
@pytest.mark.parametrize("allowed", [(), ("exe",)])
def test_d13_what_readers_may_take_for_something_else_is_refused_wherever_it_stands(
    part: bytes, doubt: str, allowed: tuple[str, ...]
) -> None:
    account = with_settings(attachment_types=allowed)
    refused = f"554 Transaction failed: This message is not taken apart: {doubt}"
    inside = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n--b\r\n%s\r\n--b--\r\n"
    assert said_of(inside % part, account) == refused
    if b"nonsense" not in part:
        assert said_of(part, account) == refused


def test_a_text_without_content_is_no_file() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n--b--\r\n"
    assert said_of(raw) is None


@pytest.mark.parametrize("path", corpora.parameters(corpora.messages()))
def test_what_is_taken_is_in_no_doubt_and_has_texts_and_images_alone(path: Path) -> None:
    headers, body = corpora.received(path.read_bytes())
    root = Message("", (), headers, body).structure
    if isinstance(root, Unscannable) or DEVINO.check_structure(root, WEBSITE) is not None:
        return
    for part in walk(root):
        assert part.content_type.partition("/")[0] in {"text", "image", "multipart"}
        assert part.doubt in {"", NO_CONTENT}


# To


def test_d14_several_fields_to_are_taken_and_a_flood_of_them_refused(credential: Credential) -> None:
    field = Header("To", b"bob@b.example")
    assert isinstance(DEVINO.options([field] * devino.TO_FIELDS, credential), Options)
    refused = DEVINO.options([field] * (devino.TO_FIELDS + 1), credential)
    assert str(refused) == "554 Transaction failed: Invalid recipient address: more than 10 fields To"


def test_there_is_no_receipt() -> None:
    assert DEVINO.receipt(1) is None


def test_replies_fit_into_one_smtp_line() -> None:
    replies = [
        value
        for value in (*vars(devino).values(), *vars(devino.Devino).values())
        if isinstance(value, Refusal)
    ]
    assert len(replies) > 1
    assert all(len(str(reply)) < 510 and str(reply).isascii() and "%" not in reply.text for reply in replies)
