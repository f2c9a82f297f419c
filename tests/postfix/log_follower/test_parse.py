import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_postfix.log_follower.parse import Copied, Delivery, Expired, Secured, parse
from estafeta_testing.cost import at_most

SENT = (
    b"Nov 20 13:52:35 mx postfix/smtp[2970]: 4jWGxH1CJ8zK02L: to=<reader@example.com>, "
    b"relay=mx.example.com[192.0.2.1]:25, delay=0.11, delays=0.01/0.01/0.05/0.04, dsn=2.0.0, "
    b"status=sent (250 2.0.0 Ok: queued as 12AB)"
)
BOUNCED = (
    b"2026-11-20T13:52:35.123456+01:00 mx postfix/submission/smtp[1]: 4jWGxH1FLVzK0Gw: to=<a@example.com>, "
    b"orig_to=<b@example.com>, relay=mx.example.com[2001:db8::1]:25, conn_use=2, delay=3.2, "
    b"delays=3/0/0.1/0.1, dsn=5.1.1, status=bounced (host mx.example.com[2001:db8::1] said: 550 5.1.1 "
    b"No such user (in reply to RCPT TO command))"
)
DEFERRED = (
    b"Nov  2 03:02:05 mx postfix/error[7]: A1B2C3D4E5: to=<a@example.com>, relay=none, delay=12345, "
    b"delays=12345/0/0/0, dsn=4.4.1, status=deferred (connect to mx[192.0.2.1]:25: Connection refused)"
)
EXPIRED = (
    b"Nov 20 13:52:36 mx postfix/qmgr[2958]: 4jWGxH1HN5zK0Gx: from=<b+x@b.example>, status=expired, "
    b"returned to sender"
)
COPY = (
    b"Nov 20 16:38:18 mx postfix/estafeta-delivery/smtpd[6415]: 4jWLcV67qKzJDQ2: client=unknown[127.0.0.1], "
    b"orig_queue_id=4jWLcV5zkyzJDQ0, orig_client=unknown[127.0.0.1]"
)
HANDED_OVER = (
    b"Nov 20 16:38:18 mx postfix/estafeta-split/smtp[6422]: 4jWLcV5zkyzJDQ0: to=<carol@example.org>, "
    b"relay=127.0.0.1[127.0.0.1]:30394, delay=0.04, delays=0.01/0.02/0/0.01, dsn=2.0.0, "
    b"status=sent (250 2.0.0 Ok: queued as 4jWLcV6CXyzJDQ4)"
)
REQUEUED = (
    b"Nov 20 17:10:14 mx postfix/pickup[6502]: 4jWLd06CXyzJDQ6: uid=106 from=<b+n1@bounce.example> "
    b"orig_id=4jWLcV5zkyzJDQ0"
)


def test_a_delivery_is_read() -> None:
    assert parse(SENT) == Delivery(
        time="Nov 20 13:52:35",
        queue_id="4jWGxH1CJ8zK02L",
        recipient="reader@example.com",
        original="",
        host="mx.example.com",
        ip="192.0.2.1",
        delay=0.11,
        dsn="2.0.0",
        status="sent",
        text="250 2.0.0 Ok: queued as 12AB",
        process="postfix/2970",
        busy=0.09,
    )


def test_a_bounce_of_a_rewritten_address_over_a_kept_connection_is_read() -> None:
    found = parse(BOUNCED)
    assert isinstance(found, Delivery)
    assert (found.time, found.original, found.ip) == (
        "2026-11-20T13:52:35.123456+01:00",
        "b@example.com",
        "2001:db8::1",
    )
    assert found.text.endswith("550 5.1.1 No such user (in reply to RCPT TO command)")


@pytest.mark.parametrize(
    ("tag", "pool"),
    [
        (b"postfix/estafeta-pool-marketing/smtp", "marketing"),
        (b"postfix/estafeta-pool-a.B_c-9/smtp", "a.B_c-9"),
        (b"postfix/smtp", ""),
        (b"other/estafeta-pool-marketing/smtp", ""),
    ],
)
def test_s36_the_transport_tells_the_pool(tag: bytes, pool: str) -> None:
    found = parse(SENT.replace(b"postfix/smtp", tag))
    assert isinstance(found, Delivery)
    assert found.pool == pool


def test_a_deferral_without_a_server_is_read() -> None:
    found = parse(DEFERRED)
    assert isinstance(found, Delivery)
    assert (found.status, found.host, found.ip, found.delay) == ("deferred", "none", "", 12345.0)


@pytest.mark.parametrize("word", [b"expired", b"force-expired"])
def test_an_expired_message_is_read(word: bytes) -> None:
    assert parse(EXPIRED.replace(b"expired", word)) == Expired("Nov 20 13:52:36", "4jWGxH1HN5zK0Gx")


@pytest.mark.parametrize(
    "recipient",
    [
        b'"a>, relay=x, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (x)"@example.com',
        b'"a \\" b"@example.com',
        "jürgen@exämple.com".encode(),
    ],
)
def test_an_address_cannot_pretend_to_be_the_rest_of_the_line(recipient: bytes) -> None:
    found = parse(SENT.replace(b"status=sent", b"status=bounced").replace(b"reader@example.com", recipient))
    assert isinstance(found, Delivery)
    assert found.recipient == recipient.decode()
    assert found.status == "bounced"
    assert found.ip == "192.0.2.1"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" status=sent (",
        b"Nov 20 13:00:00 mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[1.2.3.4]: 554; helo=<"
        + SENT
        + b">",
        b"Nov 20 13:00:00 mx postfix/smtpd[1]: warning: " + SENT,
        b"Nov 20 13:00:00 mx estafeta/sasl[1]: info: ABCDEF: to=<a@b>, relay=x, status=sent (x)",
        SENT.replace(b"status=sent", b"status=deliverable"),
        SENT.replace(b"<reader@example.com>", b"<reader@example.com"),
        SENT.replace(b"delay=0.11, ", b""),
        SENT[4:],
    ],
)
def test_nothing_else_is_taken_for_a_delivery(line: bytes) -> None:
    assert parse(line) is None


def test_what_the_server_said_is_text_whatever_it_is() -> None:
    found = parse(SENT.replace(b"250 2.0.0 Ok", b"250 \xff\0 status=sent (x) Ok"))
    assert isinstance(found, Delivery)
    assert found.text == "250 \ufffd\ufffd status=sent (x) Ok: queued as 12AB"


@given(
    st.binary(max_size=300)
    | st.builds(bytes.replace, st.just(SENT), st.binary(min_size=1, max_size=3), st.binary(max_size=3))
)
def test_no_line_is_too_strange(line: bytes) -> None:
    found = parse(line)
    assert found is None or isinstance(found, Secured) or found.queue_id.isalnum()


@pytest.mark.parametrize("delay", [b"1.2.3", b".", b"1.", b""])
def test_a_delay_that_is_no_number_is_no_delivery(delay: bytes) -> None:
    assert parse(SENT.replace(b"delay=0.11,", b"delay=%s," % delay)) is None


@pytest.mark.parametrize("part", [b"relay=", b"delay=", b"to=<", b"status=sent ("])
@pytest.mark.parametrize("piece", [b"r", b"1", b'"', b'"\\', b"<"])
def test_a_line_of_any_length_costs_no_time(part: bytes, piece: bytes) -> None:
    with at_most(1):
        parse(SENT.split(part)[0] + part + piece * 200_000 + b" status=sent")


def test_a_copy_is_read_when_it_comes_and_when_its_recipient_is_handed_over() -> None:
    assert parse(COPY) == Copied("Nov 20 16:38:18", "4jWLcV67qKzJDQ2", "4jWLcV5zkyzJDQ0")
    assert parse(COPY.partition(b", orig_client")[0]) == parse(COPY)
    assert parse(HANDED_OVER) == Copied(
        "Nov 20 16:38:18", "4jWLcV6CXyzJDQ4", "4jWLcV5zkyzJDQ0", ("carol@example.org",)
    )
    rewritten = HANDED_OVER.replace(b"relay=", b"orig_to=<c@example.org>, relay=", 1)
    found = parse(rewritten)
    assert isinstance(found, Copied)
    assert found.recipients == ("carol@example.org", "c@example.org")


def test_a_recipient_that_waits_to_be_handed_over_has_not_been_tried() -> None:
    assert parse(HANDED_OVER.replace(b"status=sent", b"status=deferred")) is None


def test_a_recipient_that_is_refused_at_the_handover_has_bounced() -> None:
    found = parse(HANDED_OVER.replace(b"status=sent", b"status=bounced"))
    assert isinstance(found, Delivery)
    assert (found.queue_id, found.status) == ("4jWLcV5zkyzJDQ0", "bounced")


@pytest.mark.parametrize(
    "line",
    [
        COPY.replace(b"estafeta-delivery", b"submission"),  # whoever may say XFORWARD to another listener
        COPY.replace(b"postfix/estafeta-delivery", b"estafeta-delivery"),
        COPY.replace(b"orig_queue_id=4jWLcV5zkyzJDQ0", b"orig_queue_id=a b"),
        COPY.replace(b"orig_queue_id=4jWLcV5zkyzJDQ0", b"orig_queue_id=<A>"),
        COPY.replace(b": client", b": warning: client"),
        COPY.replace(b"unknown[127.0.0.1],", b"a, orig_queue_id=B", 1),
        b"x" + COPY,
    ],
)
def test_nothing_else_is_taken_for_a_copy(line: bytes) -> None:
    assert parse(line) is None


def test_a_message_queued_anew_is_read_whatever_its_sender_is() -> None:
    found = Copied("Nov 20 17:10:14", "4jWLd06CXyzJDQ6", "4jWLcV5zkyzJDQ0", anew=True)
    assert parse(REQUEUED) == found
    for sender in (b"", b'"a b"@c.example', b"a> orig_id=4jWLforged", b"a> orig_id=4jWLforged <\xff"):
        assert parse(REQUEUED.replace(b"b+n1@bounce.example", sender)) == found


@pytest.mark.parametrize(
    "line",
    [
        REQUEUED.partition(b" orig_id=")[0],
        REQUEUED.partition(b" from=")[0] + b" from=<a> orig_id=4jWLforged>",  # sendmail(1), by root
        REQUEUED.replace(b"/pickup", b"/submission/pickup"),
        REQUEUED.replace(b"/pickup", b"/smtpd"),
        REQUEUED.replace(b"uid=", b"warning: uid="),
        REQUEUED.replace(b"uid=106", b"uid=x"),
        REQUEUED + b" x",
        b"x" + REQUEUED,
    ],
)
def test_nothing_else_is_taken_for_a_message_queued_anew(line: bytes) -> None:
    assert parse(line) is None


def test_another_transport_hands_nothing_over() -> None:
    assert isinstance(parse(HANDED_OVER.replace(b"estafeta-split", b"estafeta-splits")), Delivery)
    assert parse(HANDED_OVER.replace(b"queued as", b"kept as")) is None


SECURED = (
    b"Nov 20 13:52:35 mx postfix/estafeta-pool-m/smtp[2970]: Untrusted TLS connection established to "
    b"mx.example.com[2001:db8::1]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)"
)


@pytest.mark.parametrize("word", [b"Untrusted", b"Trusted", b"Verified", b"Anonymous"])
@pytest.mark.parametrize("how", [b"established", b"reused"])
def test_a_connection_over_tls_is_read(word: bytes, how: bytes) -> None:
    line = SECURED.replace(b"Untrusted", word).replace(b"established", how)
    process = "postfix/estafeta-pool-m/2970"
    assert parse(line) == Secured("Nov 20 13:52:35", process, "mx.example.com", "2001:db8::1")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"/smtp[", b"/smtpd["),  # a client's, to us
        (b"to mx", b"from mx"),
        (b"]: Untrusted", b"]: 4jWGxH1CJ8zK02L: Untrusted"),
        (b"Untrusted", b"warning: Untrusted"),
    ],
)
def test_a_line_that_only_speaks_of_tls_tells_nothing(old: bytes, new: bytes) -> None:
    assert parse(SECURED.replace(old, new)) is None


def test_a_delivery_tells_what_its_process_was_busy_with() -> None:
    found = parse(BOUNCED)
    assert isinstance(found, Delivery)
    assert (found.process, found.reused) == ("postfix/submission/1", True)
    assert found.busy == pytest.approx(0.2)


@pytest.mark.parametrize("delays", [b"1/2/x", b"1//./2", b"....", b"1/2"])
def test_strange_delays_are_none(delays: bytes) -> None:
    found = parse(SENT.replace(b"delays=0.01/0.01/0.05/0.04", b"delays=" + delays))
    assert found is None or (isinstance(found, Delivery) and found.busy == 0)
