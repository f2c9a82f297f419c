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
from estafeta_core.jobs import FIELD, LIMIT, Jobs, Order, TooManyCopiesError
from estafeta_core.options import Addressee, Options
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
)
IDS = {"alice@example.net": 1, "Bob@Example.NET": 2**63 - 1, "jos\u00e9@ex\u00e4mple.net": 3}
ONE = Jobs([NEW])


@pytest.mark.parametrize(
    ("recipient", "message_id"),
    [
        ("alice@example.net", 1),
        ("ALICE@example.NET", 1),
        ("bob@example.net", 2**63 - 1),
        ("jos\u00e9@xn--exmple-cua.net", 3),
    ],
)
def test_a_recipient_finds_the_order_and_its_own_message_however_it_is_spelt(
    recipient: str, message_id: int
) -> None:
    found = ONE.read(ONE.write(ORDER, IDS), recipient)
    assert found is not None
    order, number = found
    assert replace(order, copies=b"") == ORDER
    assert number == message_id


@pytest.mark.parametrize("recipient", ["carol@example.net", "", "alice@example.org", "\udcff@example.net"])
def test_nobody_else_has_a_copy(recipient: str) -> None:
    assert ONE.read(ONE.write(ORDER, IDS), recipient) is None


def test_it_lists_no_address_and_says_nothing_of_one_in_another_transmission() -> None:
    def copies(number: int) -> bytes:
        found = ONE.read(ONE.write(replace(ORDER, transmission_id=number), IDS), "alice@example.net")
        assert found is not None
        return found[0].copies

    assert b"alice" not in copies(1).lower()
    assert copies(1)[:8] != copies(2)[:8]


def test_what_no_copy_reads_is_not_carried() -> None:
    told = replace(
        ORDER.options,
        campaign_id="c",
        metadata={"a": "x" * 100_000},
        tags=("t",),
        cc=(Addressee("a@b.example"),),
        warnings=("w",),
    )
    found = ONE.read(ONE.write(replace(ORDER, options=told), IDS), "alice@example.net")
    assert found is not None
    assert found[0].options == ORDER.options


def test_all_keys_verify_and_the_first_signs() -> None:
    written = Jobs([OLD]).write(ORDER, IDS)
    assert Jobs([NEW, OLD]).read(written, "alice@example.net") is not None
    assert Jobs([NEW]).read(written, "alice@example.net") is None
    assert ONE.read(Jobs([NEW, OLD]).write(ORDER, IDS), "alice@example.net") is not None


def test_folds_say_nothing_and_no_line_is_longer_than_mail_may_have() -> None:
    ids = {f"reader{number}@example.net": number for number in range(1000)}
    value = ONE.write(ORDER, ids)
    lines = (FIELD.encode() + b": " + value).split(b"\n")
    assert all(len(line) <= 998 for line in lines)
    assert all(line.startswith(b" ") for line in lines[1:])
    for other in (value.replace(b"\n ", b""), value.replace(b"\n ", b"\r\n\t ")):
        found = ONE.read(other, "reader999@example.net")
        assert found is not None
        assert found[1] == 999


def test_f17_a_field_that_postfix_would_cut_is_not_written() -> None:
    ids = {f"reader{number}@example.net": number for number in range(2700)}
    assert len(FIELD) + 2 + len(ONE.write(ORDER, ids)) <= LIMIT
    ids |= {f"further{number}@example.net": number for number in range(50)}
    with pytest.raises(TooManyCopiesError, match="2750 recipients"):
        ONE.write(ORDER, ids)


HEADERS = (Header("From", b"a@b.example"), Header("Message-ID", b"<1@b.example>"), Header("X-Note", b"x"))


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (HEADERS[:1], b"body"),
        (HEADERS[1:], b"body"),
        ((*HEADERS, HEADERS[0]), b"body"),
        ((HEADERS[0], Header("Message-ID", b"<2@b.example>")), b"body"),
        ((Header("From", b"a@b.exampl"), HEADERS[1]), b"body"),
        ((Header("From", b"<1@b.example>"), Header("Message-ID", b"a@b.example")), b"body"),
        (HEADERS, b"bodies"),
        (HEADERS, b""),
    ],
)
def test_another_sender_id_or_body_is_another_message(headers: tuple[Header, ...], body: bytes) -> None:
    assert jobs.content(headers, body) != jobs.content(HEADERS, b"body")


def test_white_space_and_other_fields_are_no_other_message() -> None:
    """Postfix adds Received; folds and line ends say nothing."""
    headers = (
        Header("Received", b"by x"),
        Header("from", b" a@b.\r\n\texample"),
        Header("Message-Id", b"<1@b.example> "),
    )
    assert jobs.content(headers, b"bo dy\r\n") == jobs.content(HEADERS, b"bo\rdy")


def test_two_recipients_of_one_mark_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_mark", lambda *_: bytes(8))
    with pytest.raises(ValueError, match="one mark"):
        ONE.write(ORDER, IDS)


def sealed(payload: bytes, key: bytes = NEW) -> bytes:
    """Return a value with a seal that is right."""
    seal = hmac.digest(subkey(key, b"job"), payload, "sha256")
    return b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (payload, seal))


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "no seal": lambda value: value.partition(b".")[0],
    "an empty seal": lambda value: value.partition(b".")[0] + b".",
    "another's seal": lambda _: Jobs([OLD]).write(ORDER, IDS),
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
    assert ONE.read(DAMAGE[damage](ONE.write(ORDER, IDS)), "alice@example.net") is None


def test_an_order_of_a_later_version_is_read_as_far_as_it_is_known() -> None:
    written = ONE.write(ORDER, IDS).partition(b".")[0]
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
