import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core.refusal import Refusal
from estafeta_policy.wire import ProtocolError
from estafeta_policy.wire.delegation import (
    DEFER,
    DUNNO,
    MAX_ATTRIBUTES,
    MAX_REPLY,
    MAX_REQUEST,
    Parser,
    Request,
    clean,
    prepend,
    refuse,
    reply,
)

# What Postfix 3.7 sends at RCPT TO.
WIRE = b"""\
request=smtpd_access_policy
protocol_state=RCPT
protocol_name=ESMTP
client_address=192.0.2.1
client_name=client.example.com
client_port=49152
reverse_client_name=client.example.com
server_address=127.0.0.1
server_port=587
helo_name=client.example.com
sender=news@acme.example
recipient=rcpt=1@example.net
recipient_count=0
queue_id=
instance=1b2f.673dc0ab.6a2b1.0
size=4096
etrn_domain=
stress=
sasl_method=PLAIN
sasl_username=acme/main
sasl_sender=
ccert_subject=
ccert_issuer=
ccert_fingerprint=
ccert_pubkey_fingerprint=
encryption_protocol=TLSv1.3
encryption_cipher=TLS_AES_256_GCM_SHA384
encryption_keysize=256
policy_context=submission

"""
REQUEST = Request(
    request="smtpd_access_policy",
    protocol_state="RCPT",
    client_address="192.0.2.1",
    client_port="49152",
    sender="news@acme.example",
    recipient="rcpt=1@example.net",
    sasl_username="acme/main",
    encryption_protocol="TLSv1.3",
    instance="1b2f.673dc0ab.6a2b1.0",
    policy_context="submission",
    recipient_count="0",
)


@pytest.mark.parametrize("size", [1, 7, 1024, 2 * len(WIRE)])
def test_requests_survive_any_split_of_the_stream(size: int) -> None:
    parser = Parser()
    stream = WIRE * 2
    requests = [
        request for at in range(0, len(stream), size) for request in parser.feed(stream[at : at + size])
    ]
    assert requests == [REQUEST, REQUEST]


@given(st.lists(st.integers(1, 3 * len(WIRE)), max_size=9))
def test_the_values_do_not_depend_on_where_the_stream_is_cut(cuts: list[int]) -> None:
    parser = Parser()
    stream = WIRE * 3
    requests: list[Request] = []
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(stream)], strict=True):
        requests += parser.feed(stream[start:end])
    assert requests == [REQUEST] * 3


def test_trailing_data_belongs_to_the_next_request() -> None:
    parser = Parser()
    assert parser.feed(WIRE + b"request=smtpd_") == [REQUEST]
    assert parser.feed(b"access_policy\n\n") == [Request(request="smtpd_access_policy")]


def test_of_an_attribute_given_twice_the_first_holds() -> None:
    (request,) = Parser().feed(b"sasl_username=acme/main\nsasl_username=evil/main\n\n")
    assert request.sasl_username == "acme/main"


def test_an_unknown_attribute_or_an_empty_name_is_skipped() -> None:
    assert Parser().feed(b"=x\nfuture=1\nsender=a@b\n\n") == [Request(sender="a@b")]


def test_bytes_that_are_not_utf_8_come_in_as_surrogates_and_never_go_out() -> None:
    (request,) = Parser().feed(b"sender=caf\xe9@b\n\n")
    assert request.sender == "caf\udce9@b"
    assert reply(f"550 5.7.1 {request.sender}") == b"action=550 5.7.1 caf?@b\n\n"


@pytest.mark.parametrize(
    "data",
    [
        b"\n\n",
        b"sender\n\n",
        b"sender=a\n\n\n\n",
        b"\nsender=a\n\n",
        b"x=" + b"y" * MAX_REQUEST + b"\n\n",
        b"a=b\n" * (MAX_ATTRIBUTES + 1) + b"\n",
        b"y" * 1_000_000,
    ],
)
@pytest.mark.parametrize("size", [1000, 2_000_000])
def test_what_breaks_the_grammar_or_a_bound_is_the_peers_error(data: bytes, size: int) -> None:
    parser = Parser()
    fed = 0
    with pytest.raises(ProtocolError):  # noqa: PT012 - which piece breaks it depends on the size
        for at in range(0, len(data), size):
            fed += size
            parser.feed(data[at : at + size])
    assert fed <= MAX_REQUEST + 2 * size


def test_as_many_attributes_as_the_bound_says_are_read() -> None:
    assert Parser().feed(b"a=b\n" * (MAX_ATTRIBUTES - 1) + b"sender=x\n\n") == [Request(sender="x")]


def test_the_two_standing_replies() -> None:
    assert DUNNO == b"action=DUNNO\n\n"
    assert DEFER.startswith(b"action=DEFER_IF_PERMIT 4.3.0 ")


def test_a_refusal_is_code_status_and_text() -> None:
    refusal = Refusal(451, "4.7.1", "Per-minute rate limit exceeded. Retry after 7 seconds.")
    assert refuse(refusal) == b"action=451 4.7.1 Per-minute rate limit exceeded. Retry after 7 seconds.\n\n"


def test_a_field_put_before_the_message_is_one_line() -> None:
    assert prepend("X-Field", "a\nX-Other: b") == b"action=PREPEND X-Field: a?X-Other: b\n\n"


@given(st.text(st.characters(), max_size=3000))
def test_a_reply_is_one_line_of_valid_utf_8_within_its_bound(text: str) -> None:
    wire = reply(f"550 5.7.1 {text}")
    assert wire.startswith(b"action=550 5.7.1")
    assert wire.endswith(b"\n\n")
    assert wire.count(b"\n") == 2
    assert len(wire) <= MAX_REPLY
    line = wire.decode()[:-2]
    assert line.splitlines() == [line]
    assert clean(line) == line


@given(st.binary(max_size=500))
def test_garbage_gives_requests_or_a_protocol_error_and_nothing_else(garbage: bytes) -> None:
    try:
        requests = Parser().feed(garbage + b"\n\n")
    except ProtocolError:
        return
    assert all(isinstance(request, Request) for request in requests)
