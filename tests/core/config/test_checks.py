from pathlib import Path

import pytest

from estafeta_core.config import checks, load
from estafeta_core.config.document import ConfigError


def complaint(path: Path) -> str:
    """Return what is said about the configuration, without the folder."""
    with pytest.raises(ConfigError) as caught:
        load.load(path)
    return str(caught.value).replace(f"{path.parent}/", "")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("mx.example.com", "mx_example", "estafeta.yaml:1: hostname: 'mx_example' is not a host name"),
        (
            "https://click.example.com",
            "click.example.com",
            "estafeta.yaml:2: base_url: 'click.example.com' is not",
        ),
        ("https://click.example.com", "ftp://x.example", "estafeta.yaml:2: base_url: "),
        ("https://click.example.com", "https://", "estafeta.yaml:2: base_url: "),
        ("https://click.example.com", "https://x.example/?a=b", "estafeta.yaml:2: base_url: "),
        ("https://click.example.com", "'https://x.example/a b'", "estafeta.yaml:2: base_url: "),
        ("https://click.example.com", "https://me@x.example", "estafeta.yaml:2: base_url: "),
        ("https://click.example.com", "https://x.example:99999", "estafeta.yaml:2: base_url: "),
        ("https://click.example.com", '"https://[x"', "estafeta.yaml:2: base_url: "),
        ("bounce.example.com", "bounce", "estafeta.yaml:3: bounce_domain: 'bounce' is not a domain"),
        (
            "[sparkpost]",
            "[sparkpost, hermes]",
            "estafeta.yaml:5: listeners.submission.dialects.1: unknown dialect",
        ),
        ("[sparkpost]", "[]", "estafeta.yaml:5: listeners.submission.dialects: names no dialect"),
        (
            "[sparkpost]",
            "[sparkpost, sparkpost]",
            "estafeta.yaml:5: listeners.submission.dialects: names one twice",
        ),
        ("port: 587", "port: 70000", "estafeta.yaml:5: listeners.submission.port: Expected `int` <= 65535"),
        (
            "port: 587",
            "port: 587, bind: localhost",
            "estafeta.yaml:5: listeners.submission.bind: 'localhost' is not an IP",
        ),
        (
            "port: 587",
            "port: 587, tls: no",
            (
                "estafeta.yaml:5: listeners.submission.tls: Expected `str`, got `bool`"
                " (known here: none, starttls, required, implicit)"
            ),
        ),
        (
            "port: 587",
            "port: 587, tls: maybe",
            "estafeta.yaml:5: listeners.submission.tls: Invalid enum value",
        ),
        (
            "port: 587",
            "port: 587, mechanisms: [CRAM-MD5]",
            "estafeta.yaml:5: listeners.submission.mechanisms.0: ",
        ),
        (
            "port: 587",
            "port: 587, mechanisms: [PLAIN, PLAIN]",
            "estafeta.yaml:5: listeners.submission.mechanisms: ",
        ),
        (
            "submission:",
            '"sub mission":',
            "estafeta.yaml:5: listeners.sub mission: 'sub mission' is not a name",
        ),
        (
            "submission:",
            "estafeta-delivery:",
            "estafeta.yaml:5: listeners.estafeta-delivery: names that begin with estafeta- are taken",
        ),
        (
            "  submission: {dialects: [sparkpost], port: 587}",
            "  {}",
            "estafeta.yaml:4: listeners: names no listener",
        ),
        ("[link.key]", "[]", "estafeta.yaml:6: signing_keys: names no key"),
        (
            "[link.key]",
            "[gone.key]",
            "estafeta.yaml:6: signing_keys.0: gone.key cannot be read: No such file",
        ),
        (
            "[link.key]",
            "[estafeta.yaml, short.key]",
            "estafeta.yaml:6: signing_keys.1: short.key holds 31 bytes",
        ),
        ("[link.key]", "[link.key]\nstore: mysql://x", "estafeta.yaml:7: store: must be sqlite:///"),
        (
            "[link.key]",
            "[link.key]\nstore: postgresql://h/d?pasword=x",
            "estafeta.yaml:7: store: is no postgresql:",
        ),
        (
            "[link.key]",
            "[link.key]\nstore: postgresql://me:a%zz@h/d",
            "estafeta.yaml:7: store: is no postgresql:",
        ),
        (
            "[link.key]",
            "[link.key]\nstore_timeout: 60",
            "estafeta.yaml:7: store_timeout: Expected `float` < 60",
        ),
        ("[link.key]", "[link.key]\nweb: {bind: x}", "estafeta.yaml:7: web.bind: 'x' is not an IP address"),
        (
            "port: 587",
            "port: 587, hostname: mx_one",
            "estafeta.yaml:5: listeners.submission.hostname: 'mx_one' is not a host name",
        ),
        (
            "port: 587",
            "port: 587, receipt: true",
            (
                "estafeta.yaml:5: listeners.submission.receipt: sparkpost gives no receipts (receipt: true is"
                " for: teenvio)"
            ),
        ),
        (
            "[sparkpost], port: 587",
            "[teenvio, devino], port: 587, receipt: true",
            "estafeta.yaml:5: listeners.submission.receipt: devino gives no receipts",
        ),
        (
            "[link.key]",
            "[link.key]\nhosting:\n  quota: 1\n  base_url: files.example.com",
            "estafeta.yaml:9: hosting.base_url: 'files.example.com' is not a URL such as https://",
        ),
        (
            "[link.key]",
            '[link.key]\nhosting: {base_url: "https://files.example.com/?a"}',
            "estafeta.yaml:7: hosting.base_url: ",
        ),
        (
            "[link.key]",
            "[link.key]\nlimits:\n  store: redis://user:s3cret@",
            "estafeta.yaml:8: limits.store: is not where a Redis server is (write redis://HOST:PORT/DATABASE,",
        ),
        (
            "[link.key]",
            "[link.key]\nwebhooks:\n  allow_networks: [10.0.0.0/8, 10.1.0.1/8]",
            "estafeta.yaml:8: webhooks.allow_networks.1: 10.1.0.1/8 has host bits set",
        ),
        (
            "[link.key]",
            "[link.key]\nwebhooks: {allow_networks: ['::ffff:10.0.0.0/104']}",
            "estafeta.yaml:7: webhooks.allow_networks.0: ::ffff:10.0.0.0/104 is an IPv4 network",
        ),
        (
            "[link.key]",
            "[link.key]\nhosting: {quota: 0}",
            "estafeta.yaml:7: hosting.quota: Expected `int` >= 1",
        ),
        (
            "[link.key]",
            "[link.key]\nhostnames: x",
            "estafeta.yaml:7: hostnames: unknown key (did you mean `hostname`?)",
        ),
    ],
)
def test_a_value_that_cannot_be_used_is_named(config: Path, old: str, new: str, said: str) -> None:
    (config.parent / "short.key").write_bytes(b"k" * 31 + b"\n")
    assert old in config.read_text()
    config.write_text(config.read_text().replace(old, new))
    assert complaint(config).startswith(said)


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("0.0.0.0", "127.0.0.1", True),
        ("::", "::1", True),
        ("::1", "0:0::1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("0.0.0.0", "::", False),
    ],
)
def test_two_listeners_on_one_port_are_told_apart_by_address_only(
    config: Path, first: str, second: str, clash: bool
) -> None:
    old = "  submission: {dialects: [sparkpost], port: 587}"
    new = f'{old[:-1]}, bind: "{first}"}}\n  other: {{dialects: [sparkpost], port: 587, bind: "{second}"}}'
    config.write_text(config.read_text().replace(old, new))
    if clash:
        assert (
            complaint(config)
            == f"estafeta.yaml:6: listeners.other.port: {second}:587 is taken by listener submission"
        )
    else:
        assert len(load.load_config(config).listeners) == 2


def test_every_check_passes_on_what_is_right(config: Path) -> None:
    assert load.load(config).config.signing_keys[0].read_bytes() == b"k" * checks.SIGNING_KEY_BYTES


def test_what_the_provider_has_may_be_said_of_a_listener(config: Path) -> None:
    listener = "{dialects: [teenvio], port: 587, hostname: api.example.com, receipt: true, deprecated: true}"
    text = config.read_text().replace("{dialects: [sparkpost], port: 587}", listener)
    config.write_text(text + "hosting: {base_url: https://files.example.com/}\n")
    loaded = load.load(config)
    found = loaded.config.listeners["submission"]
    assert (found.hostname, found.receipt, found.deprecated) == ("api.example.com", True, True)
    assert (
        loaded.config.hosting.base_url == "https://files.example.com"
    )  # links put their own slash behind it
    assert loaded.warnings == ()


@pytest.mark.parametrize(
    ("url", "usable"),
    [
        ("https://www.facebook.com/me?x=1#y", True),
        ("http://x.example:8080", True),
        ("https://[2001:db8::1]/", True),
        ("HTTPS://x.example", False),
        ("ftp://x.example", False),
        ("javascript:alert(1)", False),
        ("//x.example", False),
        ("https://", False),
        ("https://me@x.example", False),
        ("https://x.example/a b", False),
        ("https://x.example/\n", False),
        ('https://x.example/"onload', False),
        ("https://x.example/<b>", False),
        ("https://münchen.example", False),
        ("https://x.example:99999", False),
        ("https://[x", False),
    ],
)
def test_a_web_address_is_one_that_may_stand_in_a_message(url: str, usable: bool) -> None:
    assert checks.is_web_address(url) is usable


@pytest.mark.parametrize(
    ("pool", "said"),
    [
        ("'a b': {}", "a b: 'a b' is not a name"),
        ("-a: {}", "-a: '-a' is not a name"),
        ("a: {bind_address: host}", "a.bind_address: 'host' is not an IP address"),
        ("a: {bind_address: 192.0.2.0/24}", "a.bind_address: '192.0.2.0/24' is not an IP address"),
        (
            'a: {bind_address: "2001:db8::1"}',
            "a.bind_address: 2001:db8::1 is not an IPv4 address (the other ones go to bind_address6)",
        ),
        (
            "a: {bind_address6: 192.0.2.1}",
            "a.bind_address6: 192.0.2.1 is not an IPv6 address (the other ones go to bind_address)",
        ),
        (
            'a: {bind_address6: "::ffff:192.0.2.1"}',
            "a.bind_address6: ::ffff:192.0.2.1 is not an IPv6 address",
        ),
        (
            "a: {bind_address: 0.0.0.0}",
            (
                "a.bind_address: mail cannot leave from 0.0.0.0"
                " (name one address of this host, or remove the key)"
            ),
        ),
        ('a: {bind_address6: "::"}', "a.bind_address6: mail cannot leave from ::"),
        ("a: {bind_address: 224.0.0.1}", "a.bind_address: mail cannot leave from 224.0.0.1"),
        ('a: {bind_address6: "fe80::1%eth0"}', "a.bind_address6: mail cannot leave from fe80::1%eth0"),
        ("a: {helo: a_b}", "a.helo: 'a_b' is not a host name"),
        ("a: {helo: '[192.0.2.1]'}", "a.helo: '[192.0.2.1]' is not a host name"),
        ("a: {address: 192.0.2.1}", "a.address: unknown key"),
    ],
)
def test_a_pool_that_mail_cannot_leave_from_is_named(config: Path, pool: str, said: str) -> None:
    config.write_text(f"{config.read_text()}ip_pools:\n  good: {{bind_address: 192.0.2.9}}\n  {pool}\n")
    assert complaint(config).startswith(f"estafeta.yaml:9: ip_pools.{said}")


def test_s36_a_pool_may_have_addresses_of_both_families(config: Path) -> None:
    pool = '{bind_address: 192.0.2.10, bind_address6: "2001:db8::10", helo: m1.example.com}'
    config.write_text(f"{config.read_text()}ip_pools: {{marketing: {pool}}}\n")
    assert load.load(config).config.ip_pools["marketing"].helo == "m1.example.com"
