"""The real daemon, told of SMTP sessions as Postfix tells it."""

import contextlib
import itertools
import json
import random
import re
from collections.abc import Callable, Iterator

import pytest

from estafeta_core.links import Links
from estafeta_core.refusal import Refusal
from estafeta_core.store.rows import Suppression
from estafeta_milter.adapter import FIELDS
from estafeta_milter.reply import reply
from estafeta_testing.cost import at_most
from estafeta_testing.milter_client import (
    MACROS,
    NO_DATA,
    NO_EOH,
    NO_UNKNOWN,
    NR_BODY,
    NR_DATA,
    NR_HEADER,
    NR_MAIL,
    NR_RCPT,
    NR_UNKNOWN,
    Answer,
    Client,
    Queued,
)
from estafeta_testing.milter_site import SPARKPOST_ALONE, Site

NEED_MAIL = Answer("y", "503 5.5.1 need MAIL command")
FAULT = Answer("y", "451 4.3.0 Internal error, try again later")
GONE = {**MACROS, "{auth_authen}": "acme/gone"}
LINKS = Links([b"k" * 64], "https://click.example.com", "bounce.example.com")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose daemon serves most tests of this file, in one process."""
    site = Site(tmp_path_factory.mktemp("site"))
    site.configure("milter_processes: 1\n")
    process = site.start()
    site.connect().cut()  # it serves
    yield site
    assert process.poll() is None
    site.kill()
    assert site.lines("Traceback") == site.lines("untrapped") == site.lines("ended with status") == []


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site where no provider answers commands, so that the daemon is told less."""
    site = Site(tmp_path_factory.mktemp("plain"))
    site.configure("milter_processes: 1\n", SPARKPOST_ALONE)
    process = site.start()
    site.connect().cut()  # it serves
    yield site
    assert process.poll() is None
    site.kill()
    assert site.lines("Traceback") == site.lines("untrapped") == site.lines("ended with status") == []


@pytest.fixture
def client(served: Site) -> Iterator[Client]:
    """A session."""
    with served.connect() as opened:
        yield opened


def message(marker: str = "marker", *recipients: str, **asked: object) -> Queued:
    """Return a message that shows `marker` wherever something can be shown."""
    headers = [
        ("From", b"News <news@acme.example>"),
        ("Subject", marker.encode()),
        ("X-MSYS-API", json.dumps({"campaign_id": marker, **asked}).encode()),
        ("Content-Type", b"text/html"),
    ]
    body = f'<html><body><a href="https://shop.example/{marker}">x</a></body></html>\r\n'.encode()
    return Queued(f"{marker}@acme.example", [*recipients] or [f"{marker}@example.net"], headers, body)


def delivered(client: Client, sent: Queued, queue_id: str = "4Xq") -> Queued:
    """Tell a message and return it as it leaves."""
    answer = client.message(sent, queue_id)
    assert answer.command == "a", answer
    return sent.edit(answer.edits)


def test_s39_who_is_on_a_list_becomes_a_recipient(client: Client) -> None:
    asked = {"cc": ["cc@b\u00fccher.example"], "bcc": ["bcc@example.net", "ALICE@example.net"]}
    final = delivered(client, message("lists", "alice@example.net", **asked))
    assert final.recipients == ["alice@example.net", "cc@xn--bcher-kva.example", "bcc@example.net"]
    assert final.values("Cc") == [b"cc@xn--bcher-kva.example"]


def test_s42_text_of_the_clients_cc_is_told_in_utf8_and_bytes_that_are_none_in_encoded_words(
    client: Client,
) -> None:
    sent = message("utf8", cc=["cc@example.net"], options={"transactional": True})
    for own, kept in (
        (b"J\xc3\xb6 <j@x.example>",) * 2,
        (b"J\xf6 <j@x.example>", b"=?unknown-8bit?B?SvY=?= <j@x.example>"),
    ):
        fields = [("Cc", own), *message("utf8").headers[:2], *sent.headers[2:]]
        final = delivered(client, Queued(sent.sender, [*sent.recipients], fields, sent.body))
        assert final.headers[0] == ("Cc", kept + b",\n cc@example.net")


def test_only_what_is_read_is_sent_and_only_what_is_decided_is_answered(plain: Site) -> None:
    with plain.connect() as client:
        unsent, unanswered = NO_EOH | NO_DATA | NO_UNKNOWN, NR_HEADER | NR_BODY
        assert client.protocol & (unsent | unanswered) == unsent | unanswered
        assert not client.protocol & (NR_MAIL | NR_RCPT)
        assert client.mail() == client.rcpt() == Answer("c")


def test_where_a_provider_answers_commands_these_and_data_are_heard(client: Client) -> None:
    assert not client.protocol & (NO_UNKNOWN | NR_UNKNOWN | NO_DATA)
    assert client.protocol & NR_DATA
    assert client.unknown("FOO") == Answer("c")


@pytest.mark.parametrize(
    ("listener", "answer"),
    [
        ("teenvio", Answer("y", "500 5.5.1 Invalid command")),
        ("devino", Answer("c")),
        ("small", Answer("c")),  # its first dialect speaks
        ("gone", Answer("c")),  # taken away by a reload
    ],
)
def test_t49_an_unknown_command_is_answered_in_the_words_of_the_listeners_provider(
    served: Site, listener: str, answer: Answer
) -> None:
    with served.connect(listener) as client:
        assert client.unknown("FOO") == answer
        client.mail()
        assert client.unknown("FOO") == answer


@pytest.mark.parametrize("step", range(3))
def test_an_unknown_command_anywhere_in_a_transaction_changes_nothing(
    client: Client, served: Site, step: int
) -> None:
    sent = message()
    steps: tuple[Callable[[], Answer], ...] = (client.mail, client.rcpt, client.data)
    for number, say in enumerate(steps):
        if step == number:
            client.unknown("FOO")
        say()
    client.content(sent.headers, sent.body)
    assert client.eom(f"4Xfoo{step}").command == "a"
    assert served.find(f"4Xfoo{step}") is not None


def test_the_daemon_makes_of_a_message_what_its_decisions_say(client: Client, served: Site) -> None:
    sent = message(options={"click_tracking": True, "open_tracking": True})
    final = delivered(client, sent, "4Xall")
    assert final.values("X-MSYS-API") == []
    assert len(final.values("List-Unsubscribe")) == len(final.values("X-MSFBL")) == 1
    assert final.sender.endswith("@bounce.example.com")
    assert final.body.count(b"https://click.example.com/") == 3
    found = served.find("4Xall")
    assert found is not None
    assert (found.transmission.campaign_id, found.transmission.listener) == ("marker", "submission")


def test_every_kind_of_edit_reaches_postfix_as_it_was_meant(client: Client, served: Site) -> None:
    with served.store() as store:
        store.record([Suppression("acme", None, "gone@example.net", "non_transactional", "", "", 0)])
    sent = message("all", "alice@example.net", "GONE@example.net")
    sent.headers[:] = [
        ("From", b"news@acme.example"),
        ("X-MSFBL", b"forged"),
        ("x-msfbl", b"forged\n\tagain"),
        ("Subject", b"folded\n again"),
        ("X-MSYS-API", b'{"options":\n\t{"click_tracking": true}}'),
        ("Content-Type", b"text/html"),
    ]
    sent.body = b"<p>" + b"x" * 140_000 + b'</p>\r\n<a href="https://shop.example/">x</a>\r\n'
    final = delivered(client, sent)
    names = [name for name, _ in final.headers]
    assert final.recipients == ["alice@example.net"]
    assert names[:3] == ["From", "Subject", "Content-Type"]
    assert sorted(names[3:]) == [
        "Content-Transfer-Encoding",  # the long line had to be broken
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "MIME-Version",
        "X-MSFBL",
    ]
    assert final.headers[1] == ("Subject", b"folded\n again")
    assert b"forged" not in final.values("X-MSFBL")[0]
    assert final.body.replace(b"=\r\n", b"").startswith(b"<p>" + b"x" * 140_000)
    assert b"https://shop.example/" not in final.body


def test_a_message_whose_body_stays_is_not_told_a_body(client: Client) -> None:
    answer = client.message(message())
    assert answer.command == "a"
    assert {packet.command for packet in answer.edits} == {"e", "m", "h"}


def test_a_message_to_nobody_is_discarded(client: Client, served: Site) -> None:
    with served.store() as store:
        store.record([Suppression("acme", None, "no@example.net", "non_transactional", "", "", 0)])
    assert client.message(message("no")) == Answer("d")


@pytest.mark.parametrize(
    ("macros", "sender", "reply"),
    [
        ({}, "a@acme.example", "530 5.7.0 Authentication required"),
        (GONE, "a@acme.example", "535 5.7.8 Credential revoked"),
        (MACROS, "a@b@acme.example", "553 5.1.7 Bad sender address syntax"),
        (MACROS, "a\udcff@acme.example", "553 5.1.7 Bad sender address syntax"),
    ],
)
def test_a_refused_mail_is_answered_in_the_providers_words(
    client: Client, macros: dict[str, str], sender: str, reply: str
) -> None:
    assert client.mail(sender, macros) == Answer("y", reply)


@pytest.mark.parametrize("sender", ["", "a@acme.example", "jos\u00e9@acme.example"])
def test_an_accepted_mail_goes_on(client: Client, sender: str) -> None:
    assert client.mail(sender) == Answer("c")


@pytest.mark.parametrize(
    "recipient",
    [
        "alice",
        "a@b@c.example",
        '"alice"@example.net',
        "@relay.example:alice@example.net",
        "a\udcff@b.example",
    ],
)
def test_a_recipient_that_is_none_is_refused_at_rcpt_and_the_others_get_the_message(
    client: Client, served: Site, recipient: str
) -> None:
    client.mail()
    assert client.rcpt("first@example.net") == Answer("c")
    assert client.rcpt(recipient) == Answer("y", "553 5.1.3 Bad recipient address syntax")
    sent = message()
    sent.headers[2] = ("X-MSYS-API", b'{"options": {"transactional": true}}')
    client.content(sent.headers, sent.body)
    assert client.eom("4Xrcpt").command == "a"
    found = served.find("4Xrcpt")
    assert found is not None
    assert [copy.rcpt_to for copy in found.messages] == ["first@example.net"]


def content(client: Client, sent: Queued) -> Answer:
    """Tell recipients and content of a message whose MAIL was refused, or never said."""
    for recipient in sent.recipients:
        assert client.rcpt(recipient) == NEED_MAIL
    client.content(sent.headers, sent.body)
    return client.eom("4Xnomail")


BEFORE: dict[str, Callable[[Client], object]] = {
    "nothing": lambda _: None,
    "a refused MAIL": lambda client: client.mail("x@acme.example", GONE),
    "a refused message": lambda client: client.message(message(metadata=[])),
    "a delayed message": lambda client: client.message(message("boom", "boom@example.net")),
    "an accepted message": lambda client: client.message(message()),
    "a discarded message": lambda client: client.message(message("no")),
    "a message given up": lambda client: give_up(client, "marker", 3),
    "an unknown command": lambda client: client.unknown("FOO"),
}
# libmilter passes over what is out of order and answers nothing, but not where it takes it to be in order.
REACHED = {"plain": "a message given up", "served": "an unknown command"}
NOT_TOLD = ("plain", "an unknown command")


@pytest.mark.parametrize(
    ("kind", "before"),
    [case for case in itertools.product(REACHED, BEFORE) if case != NOT_TOLD],
)
def test_a4_recipients_and_data_without_mail_are_never_accepted(
    request: pytest.FixtureRequest, kind: str, before: str
) -> None:
    """Where nothing is answered, Postfix says 451."""
    site: Site = request.getfixturevalue(kind)
    with Client(site.socket, timeout=0.4) as client:
        BEFORE[before](client)
        if before == REACHED[kind]:
            assert content(client, message()) == NEED_MAIL
            delivered(client, message())
        else:
            client.rcpt_out_of_order("marker@example.net")
            client.content(message().headers, b"x")
            with pytest.raises(TimeoutError):
                client.eom("4Xnomail")
    assert site.find("4Xnomail") is None


def give_up(client: Client, marker: str, steps: int) -> None:
    """Begin a message and go so many steps with it."""
    client.mail(f"{marker}@acme.example")
    if steps > 0:
        client.rcpt(f"{marker}@example.net")
    if steps > 1:
        client.header("Subject", marker.encode())
    if steps > 2:
        client.body(marker.encode())
    client.abort()


def assert_alone(served: Site, final: Queued, marker: str, queue_id: str) -> None:
    """Hold a message to its own marker and ids, in what leaves and in what is recorded."""
    found = served.find(queue_id)
    assert found is not None
    (copy,) = found.messages
    bounce = LINKS.read_bounce_address(final.sender)
    links = re.findall(rb"/c/([\w-]+)", final.body)
    token = LINKS.read(links[0].decode())
    assert (found.transmission.campaign_id, copy.rcpt_to) == (marker, f"{marker}@example.net")
    assert bounce is not None
    assert token is not None
    assert bounce.id == token.id == copy.message_id
    assert token.target == f"https://shop.example/{marker}".encode()
    everything = repr(final)
    assert set(re.findall(r"mark\d+x\d+mark", everything)) == {marker}


@pytest.mark.parametrize("seed", range(4))
def test_b10_nothing_of_a_message_is_left_for_the_next_one(client: Client, served: Site, seed: int) -> None:
    dice = random.Random(seed)
    for number in range(60):
        marker, queue_id = f"mark{seed}x{number}mark", f"4X{seed}x{number}"
        sent = message(marker, options={"click_tracking": True})
        match dice.randrange(7):
            case 0:  # refused at MAIL
                assert client.message(sent, queue_id, GONE).text.startswith("535")
            case 1:  # refused at the final dot
                sent.headers.append(("X-MSYS-API", b"{}"))
                assert client.message(sent, queue_id).text.startswith("550 5.6.0")
            case 2:  # given up anywhere
                give_up(client, marker, dice.randrange(4))
            case 3:  # given up, then without MAIL
                give_up(client, marker, 3)
                client.unknown("FOO")
                assert content(client, sent) == NEED_MAIL
            case 4:  # MAIL twice: the second counts
                client.mail(f"mark{seed}x999mark@acme.example")
                client.rcpt(f"mark{seed}x999mark@example.net")
                client.header("Subject", b"other")
                assert_alone(served, delivered(client, sent, queue_id), marker, queue_id)
            case _:
                assert_alone(served, delivered(client, sent, queue_id), marker, queue_id)


HOSTILE = [
    b"\xff\xfe\x80\xe9",
    b"before\x00behind",
    b"\xed\xb3\xbf",  # a surrogate, in the UTF-8 that nobody may write
    b"\x1b[31m\x07\x7f",
    b"%s%n%",
    b"",
    b" ",
    b"\n\t\n\t",
    b"a\r\n b\rc",
    b"x" * 59_990,
    b"(" * 30_000,
    b"\xff" * 59_990,
]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value[:8]))
@pytest.mark.parametrize(
    "name", ["Subject", "From", "X-MSYS-API", "Content-Type", "X-MSFBL", "!#$%&'*+-/=?^_`{|}~"]
)
def test_b3_b7_no_field_is_a_temporary_failure(client: Client, name: str, value: bytes) -> None:
    sent = message()
    sent.headers = [field for field in sent.headers if field[0] != name]
    sent.headers.append((name, value))
    answer = client.message(sent)
    assert not answer.temporary
    if answer.command == "y":
        assert re.fullmatch(r"550 [\x20-\x7e]{1,500}", answer.text)
    elif name not in ("X-MSYS-API", "X-MSFBL"):
        assert (name, value) in sent.edit(answer.edits).headers


@pytest.mark.parametrize("name", ["X-MSYS-API ", "x-msys-api\t", "X-Msys-Api"])
def test_d10_a_control_header_counts_and_goes_however_it_is_written(
    client: Client, served: Site, name: str
) -> None:
    sent = message()
    sent.headers[2] = (name, b'{"campaign_id":\n "spaced"}')
    final = delivered(client, sent, "4Xname")
    found = served.find("4Xname")
    assert found is not None
    assert found.transmission.campaign_id == "spaced"
    assert b"spaced" not in b"".join(value for _, value in final.headers)


def test_c5_twenty_thousand_fields_take_less_than_two_seconds(client: Client) -> None:
    sent = message()
    sent.headers += [("X-Note", b"x")] * 20_000
    with at_most(2):
        final = delivered(client, sent)
    assert len(final.values("X-Note")) == 20_000
    assert final.values("X-MSYS-API") == []


def test_c5_more_fields_than_are_kept_are_refused_and_the_next_message_passes(client: Client) -> None:
    sent = message()
    sent.headers += [("X-Note", b"x")] * (FIELDS + 1)
    answer = client.message(sent, "4Xq")
    assert answer.text == "550 5.6.0 This message has more than 50000 header fields"
    assert delivered(client, message("second"), "4Xr").values("Subject") == [b"second"]


def test_d6_a_control_header_that_postfix_cut_is_refused(client: Client) -> None:
    sent = message(metadata={"x": "y" * 70_000})
    sent.headers[2] = ("X-MSYS-API", sent.headers[2][1][:59_988])
    assert client.message(sent).text.startswith("550 5.6.0 JSON parsing error in X-MSYS-API: headers are cut")


def test_b8_no_line_of_a_field_of_ours_is_over_998_bytes(client: Client) -> None:
    sent = message("marker", "a" * 64 + "@" + ".".join(["d" * 55] * 3) + ".example")
    for name, value in delivered(client, sent).headers:
        assert max(len(line) for line in (name.encode() + b": " + value).split(b"\n")) <= 998


@pytest.mark.parametrize(
    "body", [b"", b".", b"\r\n", b"\x00" * 70_000, b"x" * 65_535, b"x" * 65_536, b"\xff\n\r\n"]
)
def test_a_body_of_any_kind_passes(client: Client, body: bytes) -> None:
    sent = message()
    sent.body = body
    sent.headers = [field for field in sent.headers if field[0] != "X-MSYS-API"]
    assert delivered(client, sent).body == body


def test_the_macros_decide_and_nothing_the_client_wrote(client: Client) -> None:
    sent = message()
    sent.headers += [("X-Estafeta-Job", b"acme/sender"), ("Auth-Authen", b"acme/sender")]
    sent.headers[2] = ("X-MSYS-API", b'{"options": {"skip_suppression": true}}')
    assert client.message(sent).text.startswith("550 5.7.1 skip_suppression is not permitted")
    assert client.message(sent, macros={**MACROS, "{auth_authen}": "acme/sender"}).command == "a"


REFUSED_TEXTS = [
    "100%",
    "%s%n%%",
    "a\r\n250 2.0.0 Ok: queued as FAKE",
    "\x00\x1b[31m\x85\u2028",
    "é\ud800ß",
    "x" * 3000,
    "%" * 3000,
    "",
]


@pytest.mark.parametrize("status", ["5.7.1", ""])
@pytest.mark.parametrize("text", REFUSED_TEXTS, ids=lambda text: repr(text[:8]))
def test_b4_b5_any_text_of_a_refusal_is_one_well_formed_reply(site: Site, text: str, status: str) -> None:
    site.configure("milter_processes: 1\n")
    site.start(
        "from estafeta_core.dialects.sparkpost import SparkPost\n"
        "from estafeta_core.refusal import Refusal\n"
        f"SparkPost.sender_refused = lambda self, address, account: Refusal(550, {status!r}, {text!r})\n"
    )
    sent = message()
    sent.headers[0] = ("From", b"a@new.example")
    with site.connect() as client:
        answer = client.message(sent)
        code, shown, line = reply(Refusal(550, status, text))
        assert answer == Answer("y", f"{code} {shown} {line}" if shown else f"{code} {line}")
        assert re.fullmatch(r"550 [\x20-\x7e]*", answer.text)
        assert len(answer.text + "\r\n") <= 512
        assert re.sub("%%", "", answer.text).count("%") == 0  # Postfix makes one of two
        assert client.message(message()).command == "a"


FAULTS = """
from estafeta_milter.admission import Admission
from estafeta_milter.submission import Submission
from estafeta_milter.adapter import Session
whole, begin, header = Submission.end, Admission.mail, Session.header
def rcpt(self, envelope, recipient):
    if recipient == "trap@example.net":
        raise RuntimeError("injected")
def command(self, listener, line):
    raise RuntimeError("injected")
def left(self, envelope, recipients):
    raise RuntimeError("injected")
def end(self, envelope, queue_id, recipients, headers, body):
    if recipients == ("boom@example.net",):
        raise RuntimeError("injected")
    return whole(self, envelope, queue_id, recipients, headers, body)
def mail(self, **about):
    if about["sender"] == "boom@acme.example":
        raise RuntimeError("injected")
    return begin(self, **about)
def field(self, name, value):
    if name == "X-Boom":
        raise RuntimeError("injected")
    return header(self, name, value)
vars(field).update(vars(header))
Submission.end, Admission.mail, Session.header = end, mail, field
Admission.rcpt, Admission.command, Submission.left = rcpt, command, left
"""


def test_b3_a_bug_of_ours_delays_one_message_and_is_logged_with_its_queue_id(site: Site) -> None:
    site.configure("milter_processes: 1\n")
    process = site.start(FAULTS)
    with site.connect() as client:
        assert client.message(message("boom", "boom@example.net")) == FAULT  # in mail()
        sent = message("marker", "boom@example.net")
        assert client.message(sent, "4Xboom") == FAULT  # in end()
        delivered(client, message())
        assert client.message(sent, "4Xboom") == FAULT
        delivered(client, message())
    assert (
        len(site.lines("4Xboom: failed at the end of the message, deferred", "RuntimeError: injected")) == 2
    )
    assert len(site.lines("MAIL FROM boom@acme.example: decision failed, deferred")) == 1
    assert process.poll() is None
    assert site.find("4Xboom") is None
    assert site.lines("ended with status") == []


def test_b3_a_bug_at_rcpt_delays_that_recipient_and_nobody_else(site: Site) -> None:
    site.configure("milter_processes: 1\n")
    process = site.start(FAULTS)
    with site.connect() as client:
        client.mail()
        assert client.rcpt("trap@example.net") == FAULT
        assert client.rcpt("marker@example.net") == Answer("c")
        sent = message()
        client.content(sent.headers, sent.body)
        assert client.eom("4Xtrap").command == "a"
    found = site.find("4Xtrap")
    assert found is not None
    assert [copy.rcpt_to for copy in found.messages] == ["marker@example.net"]
    assert len(site.lines("RCPT TO trap@example.net: decision failed, deferred")) == 1
    assert process.poll() is None


def test_b3_a_bug_at_an_unknown_command_leaves_it_to_postfix(site: Site) -> None:
    site.configure("milter_processes: 1\n")
    site.start(FAULTS)
    with site.connect() as client:
        assert client.unknown("HELP") == Answer("c")
        delivered(client, message())
    assert len(site.lines("'HELP': no answer of the provider's", "RuntimeError: injected")) == 1


def test_b3_a_bug_in_letting_go_leaves_nothing_for_the_next_message(site: Site) -> None:
    site.configure("milter_processes: 1\n")
    site.start(FAULTS)
    with site.connect() as client:
        give_up(client, "marker", 3)
        client.unknown("FOO")
        assert content(client, message()) == NEED_MAIL
        delivered(client, message())
    assert site.find("4Xnomail") is None
    assert len(site.lines("a message was given up: its contacts are not kept")) == 1


def test_b3_a_bug_in_a_callback_without_an_answer_accepts_nothing(site: Site) -> None:
    site.configure("milter_processes: 1\n")
    site.start(FAULTS)
    sent = message()
    sent.headers.append(("X-Boom", b"x"))
    site.connect().cut()
    with Client(site.socket, timeout=1.0) as client, contextlib.suppress(OSError):
        assert client.message(sent).temporary  # silence and a hang-up are 451 to Postfix
    with site.connect() as client:
        delivered(client, message())
    assert site.find("4Xq") is not None
    assert site.lines("ended with status") == []
