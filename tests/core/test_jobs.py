import base64
import hmac
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core import jobs
from estafeta_core.headers import Header
from estafeta_core.jobs import FIELD, LIMIT, Copy, Jobs, Order, TooManyCopiesError
from estafeta_core.options import Addressee, Options
from estafeta_core.rules.dkim_key import Signing
from estafeta_core.tokens import subkey

OLD, NEW = b"o" * 32, b"n" * 32
ORDER = Order(
    transmission_id=4711,
    identity="acme/main/123",
    customer_id="77",
    options=Options(open_tracking=True, foot="es", social=(("x", "https://x.com/acme"),)),
    list_unsubscribe=True,
    return_path_domain="bounce.example.com",
    append_tags=True,
    structured=True,
    content=b"c" * 32,
    first_id=1,
    pool="marketing",
    signing=Signing("acme.example", ("s1",)),
)
COPIES = {
    "alice@example.net": Copy(1),
    "Bob@Example.NET": Copy(2**63 - 1, "cc"),
    "jos\u00e9@ex\u00e4mple.net": Copy(3, "bcc", "Jos\u00e9 \U0001f600"),
    "keep@example.net": Copy(4, "archive"),
}
ONE = Jobs([NEW])


@pytest.mark.parametrize(
    ("recipient", "copy"),
    [
        ("alice@example.net", Copy(1)),
        ("ALICE@example.NET", Copy(1)),
        ("bob@example.net", Copy(2**63 - 1, "cc")),
        ("jos\u00e9@xn--exmple-cua.net", Copy(3, "bcc", "Jos\u00e9 \U0001f600")),
        ("keep@example.net", Copy(4, "archive")),
    ],
)
def test_a_recipient_finds_the_order_and_its_own_copy_however_it_is_spelt(recipient: str, copy: Copy) -> None:
    found = ONE.read(ONE.write(ORDER, COPIES), recipient)
    assert found is not None
    order, assigned = found
    assert replace(order, copies=b"", runs=(), names={}) == ORDER
    assert assigned == copy


@pytest.mark.parametrize("recipient", ["carol@example.net", "", "alice@example.org", "\udcff@example.net"])
def test_nobody_else_has_a_copy(recipient: str) -> None:
    assert ONE.read(ONE.write(ORDER, COPIES), recipient) is None


def test_it_lists_no_address_and_says_nothing_of_one_in_another_transmission() -> None:
    def copies(number: int) -> bytes:
        found = ONE.read(ONE.write(replace(ORDER, transmission_id=number), COPIES), "alice@example.net")
        assert found is not None
        return found[0].copies

    assert b"alice" not in copies(1).lower()
    assert copies(1)[:6] != copies(2)[:6]


def test_what_no_copy_reads_is_not_carried() -> None:
    told = replace(
        ORDER.options,
        campaign_id="c",
        metadata={"a": "x" * 100_000},
        tags=("t",),
        cc=(Addressee("a@b.example"),),
        warnings=("w",),
    )
    found = ONE.read(ONE.write(replace(ORDER, options=told), COPIES), "alice@example.net")
    assert found is not None
    assert found[0].options == ORDER.options


def test_all_keys_verify_and_the_first_signs() -> None:
    written = Jobs([OLD]).write(ORDER, COPIES)
    assert Jobs([NEW, OLD]).read(written, "alice@example.net") is not None
    assert Jobs([NEW]).read(written, "alice@example.net") is None
    assert ONE.read(Jobs([NEW, OLD]).write(ORDER, COPIES), "alice@example.net") is not None


def test_folds_say_nothing_and_no_line_is_longer_than_mail_may_have() -> None:
    value = ONE.write(ORDER, {f"reader{number}@example.net": Copy(number) for number in range(1000)})
    lines = (FIELD.encode() + b": " + value).split(b"\n")
    assert all(len(line) <= 998 for line in lines)
    assert all(line.startswith(b" ") for line in lines[1:])
    for other in (value.replace(b"\n ", b""), value.replace(b"\n ", b"\r\n\t ")):
        found = ONE.read(other, "reader999@example.net")
        assert found is not None
        assert found[1] == Copy(999)


def test_ids_that_follow_one_upon_the_other_take_no_room() -> None:
    """Those of a transmission are drawn in one go, and mostly follow."""
    followers = {f"reader{number}@example.net": Copy(number, "cc") for number in range(1000)}
    scattered = {address: Copy(2 * copy.message_id, "cc") for address, copy in followers.items()}
    assert len(ONE.write(ORDER, followers)) < 9_100
    assert len(ONE.write(ORDER, scattered)) > 15_000
    for copies in (followers, scattered):
        value = ONE.write(ORDER, copies)
        for address in ("reader0@example.net", "reader500@example.net", "reader999@example.net"):
            found = ONE.read(value, address)
            assert found is not None
            assert found[1] == copies[address]


def test_f17_a_field_that_postfix_would_cut_is_not_written() -> None:
    copies = {f"reader{number}@example.net": Copy(number) for number in range(7200)}
    assert len(FIELD) + 2 + len(ONE.write(ORDER, copies)) <= LIMIT
    copies |= {f"further{number}@example.net": Copy(number) for number in range(50)}
    with pytest.raises(TooManyCopiesError, match="7250 recipients"):
        ONE.write(ORDER, copies)


@given(st.binary(min_size=1, max_size=40), st.integers(0, 2000))
def test_a_mark_is_found_where_one_begins_and_nowhere_else(noise: bytes, place: int) -> None:
    marks = [noise[:1] * 3 + place.to_bytes(3, "big") for place in range(2001)]
    order = replace(ORDER, copies=b"".join(marks), runs=((2001, 7, 1),))
    assert jobs._copy(order, marks[place]) == Copy(7 + place, "cc")
    straddling = order.copies[3:9]
    assert straddling in marks or jobs._copy(order, straddling) is None


HEADERS = (Header("From", b"a@b.example"), Header("Message-ID", b"<1@b.example>"), Header("X-Note", b"x"))


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (HEADERS[:1], b"body"),
        (HEADERS[1:], b"body"),
        ((*HEADERS, HEADERS[0]), b"body"),
        ((HEADERS[0], Header("Message-ID", b"<2@b.example>")), b"body"),
        ((Header("From", b"a@b.exampl"), HEADERS[1]), b"body"),
        ((Header("From", b"<1@b.example>"), Header("Message-ID", b"a@b.example"), HEADERS[2]), b"body"),
        ((*HEADERS[:2], Header("X-Note", b"y")), b"body"),
        ((*HEADERS, Header("Reply-To", b"eve@b.example")), b"body"),
        ((*HEADERS[:2], Header("X-Note", b"x"), Header("X-Note", b"")), b"body"),
        ((*HEADERS[:2], Header("X-Not", b"e:x")), b"body"),
        (HEADERS, b"bodies"),
        (HEADERS, b""),
    ],
)
def test_another_field_or_body_is_another_message(headers: tuple[Header, ...], body: bytes) -> None:
    assert jobs.content(headers, body) != jobs.content(HEADERS, b"body")


def test_white_space_and_the_fields_of_the_way_are_no_other_message() -> None:
    """Postfix adds Received; folds, line ends and the order of the fields say nothing."""
    headers = (
        Header("Received", b"by x"),
        Header("from", b" a@b.\r\n\texample"),
        Header("x-note ", b"x"),
        Header("Message-Id", b"<1@b.example> "),
        Header(jobs.FIELD, b"what is bound to the message"),
    )
    assert jobs.content(headers, b"bo dy\r\n") == jobs.content(HEADERS, b"bo\rdy")


def test_two_recipients_of_one_mark_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_mark", lambda *_: bytes(6))
    with pytest.raises(ValueError, match="one mark"):
        ONE.write(ORDER, COPIES)


def sealed(payload: bytes, key: bytes = NEW) -> bytes:
    """Return a value with a seal that is right."""
    seal = hmac.digest(subkey(key, b"job"), payload, "sha256")
    return b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (payload, seal))


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "no seal": lambda value: value.partition(b".")[0],
    "an empty seal": lambda value: value.partition(b".")[0] + b".",
    "another's seal": lambda _: Jobs([OLD]).write(ORDER, COPIES),
    "a seal cut short": lambda value: value[:-2],
    "a payload changed": lambda value: b"A" + value[1:],
    "a payload cut short": lambda value: value[4:],
    "no base64": lambda _: b"\xff\x00.\xfe",
    "words": lambda _: b"a field of this name that a client wrote",
    "no MessagePack": lambda _: sealed(b"\xc1"),
    "another form": lambda _: sealed(msgspec.msgpack.encode({"transmission_id": "x"})),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_was_not_written_here_is_no_order(damage: str) -> None:
    assert ONE.read(DAMAGE[damage](ONE.write(ORDER, COPIES)), "alice@example.net") is None


def test_an_order_of_a_later_version_is_read_as_far_as_it_is_known() -> None:
    written = ONE.write(ORDER, COPIES).partition(b".")[0]
    fields: dict[str, Any] = msgspec.msgpack.decode(base64.urlsafe_b64decode(written + b"=="))
    fields["a field of tomorrow"] = 1
    fields["options"]["an option of tomorrow"] = True
    found = ONE.read(sealed(msgspec.msgpack.encode(fields)), "alice@example.net")
    assert found is not None
    assert found[0].options == ORDER.options


@given(st.binary(max_size=200), st.text(max_size=40))
def test_no_text_raises(value: bytes, recipient: str) -> None:
    assert ONE.read(value, recipient) is None
    assert ONE.read(sealed(value), recipient) is None
