"""What Postfix's log says about a delivery is recorded for the right recipient."""

from estafeta_testing.relay import SENDER, Relay, wait

MESSAGE = (
    f'From: {SENDER}\r\nSubject: results\r\nX-MSYS-API: {{"campaign_id": "results",'
    ' "options": {"transactional": true}}\r\n\r\nHello.\r\n'
).encode()


def test_a_delivery_says_where_and_how_long(relay: Relay) -> None:
    sent = relay.send(MESSAGE, "Alice@Example.net")
    injection, delivery = relay.events(sent, "injection", "delivery")
    assert injection["recv_method"] == "esmtp"
    assert delivery["delv_method"] == "esmtp"
    assert delivery["ip_address"] == "127.0.0.1"
    assert delivery["num_retries"] == "0"
    assert int(delivery["queue_time"]) < 20_000
    for event in (injection, delivery):
        assert event["rcpt_to"] == "alice@example.net"
        assert event["raw_rcpt_to"] == "Alice@Example.net"
        assert event["campaign_id"] == "results"
        assert event["transmission_id"] == injection["transmission_id"]
        assert event["message_id"] == injection["message_id"]
    assert injection["timestamp"] <= delivery["timestamp"]


def test_a_refusal_by_the_recipients_host_is_a_bounce(relay: Relay) -> None:
    sent = relay.send(MESSAGE, "bounce.me@example.net")
    _injection, bounce = relay.events(sent, "injection", "bounce")
    assert bounce["bounce_class"] == "10"
    assert bounce["error_code"] == "550"
    assert bounce["raw_reason"].startswith("550 5.1.1 No such user here")
    assert bounce["rcpt_to"] == "bounce.me@example.net"
    assert relay.copies(sent) == []


def test_a_temporary_refusal_is_a_delay(relay: Relay) -> None:
    sent = relay.send(MESSAGE, "defer.me@example.net")
    wait(lambda: "delay" in {event["type"] for event in relay.events(sent)}, True, "a delay")
    delay = next(event for event in relay.events(sent) if event["type"] == "delay")
    assert delay["error_code"] == "451"
    assert delay["raw_reason"].startswith("451 4.2.1 Mailbox busy, try again later")
    assert delay["bounce_class"] in ("20", "70")
    assert delay["num_retries"] == "0"


def test_recipients_of_one_message_have_results_of_their_own(relay: Relay) -> None:
    sent = relay.send(MESSAGE, "alice@example.net", "bounce.too@example.net")
    events = relay.events(sent, "injection", "injection", "delivery", "bounce")
    assert {event["type"]: event["rcpt_to"] for event in events if event["type"] != "injection"} == {
        "delivery": "alice@example.net",
        "bounce": "bounce.too@example.net",
    }


def test_the_notice_of_a_bounce_that_the_log_has_told_is_no_second_event(relay: Relay) -> None:
    sent = relay.send(MESSAGE, "bounce.back@example.net")
    relay.events(sent, "injection", "bounce")
    token = relay.found(sent).transmission.msg_from
    told = f"to=<{token}>: the log has told it"
    wait(lambda: told in relay.maillog.read_text(), True, f"{told} in the log")
    assert [event["type"] for event in relay.events(sent)] == ["injection", "bounce"]


def test_a_message_refused_for_good_is_found_by_its_recipient(relay: Relay) -> None:
    content = b"From: news@stranger.example\r\nSubject: no\r\n\r\nHello.\r\n"
    with relay.session() as connection:
        reply = connection.message(SENDER, ["refused@example.net"], content)
    assert reply.startswith("550 5.7.1 Unconfigured Sending Domain")

    def listed() -> str:
        return relay.estafeta("events", "--recipient", "Refused@example.net").stdout

    wait(lambda: listed().count("policy_rejection"), 1, "the event of the refusal")
    assert "stranger.example" in listed()
