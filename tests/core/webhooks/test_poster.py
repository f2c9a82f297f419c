"""A post goes to a checked address, ends in time, and takes no more than it wants (I1 to I3)."""

import asyncio
import datetime
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from estafeta_core.webhooks import poster as module
from estafeta_core.webhooks.guard import Guard, Refused
from estafeta_core.webhooks.poster import Answer, Poster, Unreachable
from estafeta_postfix import certificate
from estafeta_testing import receiver
from estafeta_testing.receiver import Receiver, answering, receiving, saying
from estafeta_web import client

LOOPBACK = Guard(client.networks(["127.0.0.0/8"]))


def post(target: str, guard: Guard = LOOPBACK, **how: Any) -> Answer:
    return asyncio.run(Poster(guard, **how).post(target, {"X-Own": "a"}, b"[]"))


def named(receiver: Receiver, host: str) -> str:
    return receiver.url.replace("127.0.0.1", host)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "localhost", "LOCALHOST"),
        *("[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "100.64.0.1", "0.0.0.0", "169.254.169.254"),
        *("10.0.0.1", "192.168.0.1", "[fd00::1]", "[2002:7f00:1::]"),
    ],
)
def test_i1_no_spelling_of_an_inner_address_is_posted_to(host: str) -> None:
    with receiving() as receiver:
        for port in ("", ":80", f":{receiver.port}"):
            with pytest.raises(Refused, match=r"not a public one|port \d+ is not|no URL"):
                post(f"http://{host}{port}/", Guard())
    assert receiver.posts == []


def test_a_post_carries_our_header_fields_and_the_body() -> None:
    with receiving(answering(202, b"thanks")) as receiver:
        answer = post(receiver.url)
    assert (answer.status, answer.body, answer.taken) == (202, b"thanks", True)
    (posted,) = receiver.posts
    assert (posted.path, posted.body) == ("/hook", b"[]")
    assert posted.headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "user-agent": "Estafeta",
        "accept-encoding": "identity",
        "connection": "close",
        "x-own": "a",
        "content-length": "2",
    }


@pytest.mark.parametrize(
    ("status", "taken"), [(200, True), (204, True), (302, False), (400, False), (410, False), (503, False)]
)
def test_any_2xx_says_that_a_batch_has_arrived(status: int, taken: bool) -> None:
    assert Answer(status, {}, b"").taken == taken


def test_i2_a_name_is_resolved_once_and_the_connection_goes_to_what_was_checked() -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    with receiving() as receiver:
        answer = post(
            named(receiver, "rebinding.example"), Guard(client.networks(["127.0.0.1"])), resolve=rebinding
        )
    assert answer.status == 200
    assert asked == ["rebinding.example"]
    assert receiver.posts[0].headers["host"] == f"rebinding.example:{receiver.port}"


def test_i2_a_name_that_leads_inside_is_refused_when_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """At save it led to a public address; at send it does not."""
    answers = [["8.8.8.8"], ["127.0.0.1"], ["8.8.8.8", "127.0.0.1"]]
    with receiving() as receiver:
        own = Poster(Guard(ports=frozenset({receiver.port})), resolve=lambda host, port: answers.pop(0))
        target = named(receiver, "rebinding.example")
        assert asyncio.run(own.check(target))
        for _ in range(2):
            with pytest.raises(Refused):
                asyncio.run(own.post(target, {}, b"[]"))
    assert receiver.posts == []


def test_i2_redirects_are_not_followed() -> None:
    with receiving() as inner, receiving(answering(302, headers={"Location": inner.url})) as receiver:
        assert post(receiver.url).status == 302
    assert inner.posts == []


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy, receiving() as receiver:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        assert post(receiver.url).status == 200
    assert (len(proxy.posts), len(receiver.posts)) == (0, 1)


@pytest.mark.parametrize("behave", [receiver.silent, receiver.dripping])
def test_i3_a_receiver_has_so_much_time_for_all_of_its_answer(
    behave: receiver.Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS", 2.0)
    with receiving(behave) as slow:
        started = time.monotonic()
        with pytest.raises(Unreachable, match="no answer in 2 s"):
            post(slow.url)
    assert time.monotonic() - started < 10


def test_i3_the_time_limit_is_no_more_than_fifteen_seconds() -> None:
    assert module.SECONDS == 10


@pytest.mark.parametrize("behave", [receiver.flooding, receiver.bombing])
def test_i3_no_more_of_an_answer_is_read_than_64_kb_and_nothing_is_unpacked(
    behave: receiver.Behaviour,
) -> None:
    with receiving(behave) as hostile:
        started = time.monotonic()
        answer = post(hostile.url)
    assert answer.status == 200
    assert len(answer.body) == module.ANSWER_BYTES
    assert answer.body.startswith((b"xxxx", b"\x1f\x8b"))
    assert time.monotonic() - started < 10


def test_a_head_without_end_is_not_read_to_its_end() -> None:
    def endless(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(100_000):
            handler.wfile.write(b"X-%d: %s\r\n" % (number, b"x" * 1000))

    with receiving(endless) as hostile, pytest.raises(Unreachable):
        post(hostile.url)


@pytest.mark.parametrize(
    ("say", "why"), [(b"", "disconnected"), (b"220 mx ESMTP\r\n\r\n", "illegal status line")]
)
def test_what_is_no_answer_is_told(say: bytes, why: str) -> None:
    with (
        receiving(saying(say)) as strange,
        pytest.raises(Unreachable, match=f"(?i){why}"),
    ):
        post(strange.url)


def test_nobody_there_is_told() -> None:
    with receiving() as gone:
        url = gone.url
    with pytest.raises(Unreachable, match="no connection"):
        post(url)


def test_a_name_that_is_not_there_is_told() -> None:
    with pytest.raises(Unreachable, match="cannot be resolved"):
        post("http://nobody.invalid/")


def test_a_name_server_that_never_answers_costs_no_more_than_the_time_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.5)

    def hanging(host: str, port: int) -> list[str]:
        time.sleep(2)
        return []

    async def timed() -> float:
        started = time.monotonic()
        with pytest.raises(Unreachable):
            await Poster(LOOPBACK, resolve=hanging).post("http://slow.example/", {}, b"")
        return time.monotonic() - started

    assert asyncio.run(timed()) < 1.5


def test_the_next_address_of_a_name_has_its_turn_where_one_takes_no_connection() -> None:
    with receiving() as second:
        answer = post(named(second, "two.example"), resolve=lambda host, port: ["127.0.0.9", "127.0.0.1"])
    assert answer.status == 200


# TLS


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """Key and certificate for hook.example, localhost and 127.0.0.1, with its authority in ca.pem."""
    made = certificate.make("hook.example", datetime.datetime.now(datetime.UTC))
    (tmp_path / "ca.pem").write_bytes(made.authority)
    (tmp_path / "chain.pem").write_bytes(made.chain)
    return tmp_path / "chain.pem"


def tls(chain: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(chain.parent / "ca.pem"))


def leading_here(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def test_i2_a_certificate_is_checked_for_the_name_while_the_connection_goes_to_the_address(
    chain: Path,
) -> None:
    with receiving(chain=chain) as receiver:
        answer = post(named(receiver, "hook.example"), tls=tls(chain), resolve=leading_here)
        assert answer.status == 200
        assert post(named(receiver, "hook.example."), tls=tls(chain), resolve=leading_here).status == 200
        assert post(receiver.url, tls=tls(chain)).status == 200


@pytest.mark.parametrize(
    ("host", "trusting", "why"),
    [
        ("other.example", True, "certificate: Hostname mismatch"),
        ("127.0.0.2", True, "certificate: IP address mismatch"),
        ("hook.example", False, "certificate: self-signed certificate"),
    ],
)
def test_i3_a_certificate_that_is_not_the_names_takes_nothing(
    chain: Path, host: str, trusting: bool, why: str
) -> None:
    how: dict[str, Any] = {"tls": tls(chain)} if trusting else {}
    lead: Callable[[str, int], list[str]] = leading_here
    with receiving(chain=chain) as receiver, pytest.raises(Unreachable, match=why):
        post(named(receiver, host), resolve=lead, **how)
    assert receiver.posts == []


def test_a_receiver_without_tls_at_an_https_url_is_told(chain: Path) -> None:
    with receiving() as plain, pytest.raises(Unreachable):
        post(plain.url.replace("http:", "https:"))
