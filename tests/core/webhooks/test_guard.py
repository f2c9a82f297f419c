"""Posts go to public addresses only, however an address is spelt (I1)."""

import ipaddress

import pytest

from estafeta_core.config.schema import Webhooks
from estafeta_core.webhooks import guard
from estafeta_core.webhooks.guard import Guard, Refused


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.255", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255"),
        *("192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1"),
        *("198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1"),
        *("239.255.255.255", "240.0.0.1", "255.255.255.255"),
        *(
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
        ),
        *("64:ff9b:1::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1"),
        *("2001::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "3fff::1", "100::1", "5f00::1"),
    ],
)
def test_i1_what_is_not_public_is_refused(address: str) -> None:
    assert not guard.is_public(ipaddress.ip_address(address))
    with pytest.raises(Refused, match="not a public one"):
        Guard().check([address], 443)


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "126.0.0.1"),
        *(
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
        ),
        *("2606:4700::1111", "2a00:1450::1", "2001:200::1", "2001:4860:4860::8888", "2003::1"),
    ],
)
def test_what_is_public_is_not(address: str) -> None:
    assert Guard().check([address], 443) == [ipaddress.ip_address(address)]


def test_one_address_of_many_is_enough_to_refuse() -> None:
    with pytest.raises(Refused, match=r"10\.0\.0\.1"):
        Guard().check(["8.8.8.8", "10.0.0.1"], 443)


@pytest.mark.parametrize("port", [25, 5432, 8080, 6379, 22])
def test_i1_public_addresses_are_reached_on_the_ports_of_the_web(port: int) -> None:
    with pytest.raises(Refused, match=f"port {port}"):
        Guard().check(["8.8.8.8"], port)
    assert Guard(ports=frozenset({port})).check(["8.8.8.8"], port)


def test_an_operator_allows_networks_on_every_port_and_ports_of_public_addresses() -> None:
    allowed = Guard.from_config(Webhooks(allow_networks=("10.1.0.0/16", "::1/128"), allow_ports=(8443,)))
    assert allowed.check(["10.1.2.3", "::1"], 5432)
    assert allowed.check(["8.8.8.8"], 8443)
    for address, port in (("10.2.0.1", 443), ("::ffff:10.1.0.1", 443), ("10.2.0.1", 8443), ("8.8.8.8", 25)):
        with pytest.raises(Refused):
            allowed.check([address], port)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        *(
            (url, "begins with http")
            for url in ("ftp://a.example/", "file:///etc/passwd", "gopher://a", "//a", "a")
        ),
        *(
            (url, "user name or password")
            for url in ("http://h@127.0.0.1", "http://u:p@a.example", "http://@a")
        ),
        *((url, "names no host") for url in ("http://", "http:///path", "https://:443/")),
        *((url, "no spaces") for url in ("http://a b/", "http://a\\@b/", "http://a\r\nX: y", "http://a\t/")),
        ("http://" + "a" * 2048, "at most"),
        *((url, "1 to 65535") for url in ("http://a:99999999/", "https://a:0/", "http://127.0.0.1:65536/")),
        ("http://[::1", "no URL"),
    ],
)
def test_i1_urls_that_are_none_of_ours_are_refused(url: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        guard.parse(url)


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://client.example.com/hook?key=a@b", "client.example.com", 443),
        ("http://client.example.com:80", "client.example.com", 80),
        ("https://client.example.com:8443/", "client.example.com", 8443),
        ("HTTP://Client.Example.COM./", "client.example.com.", 80),
        ("http://bücher.example/", "xn--bcher-kva.example", 80),
        ("http://127.1/", "127.1", 80),
        ("http://[::1]:8080/", "::1", 8080),
    ],
)
def test_a_url_is_read_as_it_is_posted_to(url: str, host: str, port: int) -> None:
    parsed = guard.parse(url)
    assert (parsed.raw_host.decode().strip("[]"), guard.port(parsed)) == (host, port)
