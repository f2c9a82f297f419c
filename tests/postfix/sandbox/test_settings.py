from pathlib import Path

import pytest

from estafeta_core.config.document import ConfigError
from estafeta_core.config.load import load_config
from estafeta_postfix.sandbox.layout import Layout
from estafeta_postfix.sandbox.settings import Ports, Surroundings, as_yaml, settings

PORTS = Ports(web=1001, intake=1002, capture=1003, delivery=1004, outbox=1005, listeners=(2001, 2002))
OWN = """\
hostname: mx.own.example
base_url: https://click.own.example
bounce_domain: bounce.own.example
store: postgresql://db.own.example/estafeta
signing_keys: [/etc/estafeta/keys/none-here.key]
auth: {failure_delay: 0.5}
listeners:
  submission: {dialects: [sparkpost], bind: 0.0.0.0, port: 587, tls: required, mechanisms: [LOGIN]}
  legacy: {dialects: [sparkpost], port: 2525, tls: none}
"""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "box")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    return path


# The documented ports of each provider, and what happens to TLS there.
DOCUMENTED = {
    "sparkpost-587": (("sparkpost",), 587, "starttls"),
    "sparkpost-2525": (("sparkpost",), 2525, "starttls"),
    "perfit-2525": (("perfit",), 2525, "none"),
    "teenvio-2500": (("teenvio",), 2500, "starttls"),
    "teenvio-58700": (("teenvio",), 58700, "starttls"),
    "teenvio-46500": (("teenvio",), 46500, "implicit"),
    "devino-587": (("devino",), 587, "required"),
    "devino-465": (("devino",), 465, "implicit"),
    "emitlo-587": (("emitlo",), 587, "required"),
}


def test_e02_the_default_has_a_listener_for_each_documented_port_and_no_other(layout: Layout) -> None:
    ports = Ports(
        web=1001,
        intake=1002,
        capture=1003,
        delivery=1004,
        outbox=1005,
        listeners=tuple(range(2001, 2001 + len(DOCUMENTED))),
    )
    made = settings(layout, ports, "postfix")
    listeners = made.config.listeners
    found = {name: (each.dialects, made.documented_ports[name], each.tls) for name, each in listeners.items()}
    assert found == DOCUMENTED
    assert tuple(each.port for each in listeners.values()) == ports.listeners
    assert [name for name, each in listeners.items() if each.deprecated] == ["teenvio-2500"]
    assert made.demo


def test_a_persons_file_gives_everything_but_paths_ports_and_addresses(layout: Layout, own: Path) -> None:
    made = settings(layout, PORTS, "postfix", file=own)
    config = made.config
    assert made.documented_ports == {"submission": 587, "legacy": 2525}
    assert config.hostname == "mx.own.example"
    assert config.auth.failure_delay == 0.5
    assert config.listeners["submission"].mechanisms == ("LOGIN",)
    assert {each.bind for each in config.listeners.values()} == {"127.0.0.1"}
    assert config.base_url == "http://127.0.0.1:1001"
    assert config.store == f"sqlite:///{layout.store}"
    assert config.signing_keys == (layout.signing_key,)


def test_accounts_are_a_persons_own_where_there_are_any(layout: Layout, own: Path, tmp_path: Path) -> None:
    assert settings(layout, PORTS, "postfix", file=own).config.accounts_dir == layout.accounts
    beside = tmp_path / "accounts.d"
    beside.mkdir()
    made = settings(layout, PORTS, "postfix", file=own)
    assert (made.config.accounts_dir, made.demo) == (beside, False)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert settings(layout, PORTS, "postfix", file=own, accounts=elsewhere).config.accounts_dir == elsewhere


def test_what_is_written_is_read_back_the_same(layout: Layout, own: Path) -> None:
    made = settings(layout, PORTS, "postfix", file=own)
    layout.signing_key.parent.mkdir(parents=True)
    layout.signing_key.write_text("k" * 64)
    layout.config.write_text(as_yaml(made.config))
    assert load_config(layout.config) == made.config


def test_a_mistake_is_named_where_the_person_made_it(layout: Layout, own: Path) -> None:
    own.write_text(OWN.replace("tls: none", "tls: perhaps"))
    with pytest.raises(ConfigError, match=r"own\.yaml:9: listeners\.legacy\.tls"):
        settings(layout, PORTS, "postfix", file=own)


def test_s36_the_pool_of_the_demo_accounts_is_there_whatever_a_person_has(layout: Layout, own: Path) -> None:
    ports = Ports(
        web=1001, intake=1002, capture=1003, delivery=1004, outbox=1005, listeners=tuple(range(2001, 2010))
    )
    pool = settings(layout, ports, "postfix").config.ip_pools["my_ip_pool"]
    assert (pool.bind_address, pool.bind_address6, pool.helo) == ("127.0.0.2", "", "pool.estafeta.example")
    own.write_text(OWN + "ip_pools: {mine: {bind_address: 192.0.2.10, helo: m1.own.example}}\n")
    pools = settings(layout, PORTS, "postfix", file=own).config.ip_pools
    assert {name: (each.bind_address, each.helo) for name, each in pools.items()} == {
        "my_ip_pool": ("127.0.0.2", "pool.estafeta.example"),
        "mine": ("127.0.0.2", "m1.own.example"),
    }


def test_with_a_persons_accounts_there_are_only_his_pools(layout: Layout, own: Path, tmp_path: Path) -> None:
    accounts = tmp_path / "accounts"
    accounts.mkdir()
    assert settings(layout, PORTS, "postfix", file=own, accounts=accounts).config.ip_pools == {}


def test_a_listener_waits_for_a_proxy_only_where_there_is_one(layout: Layout, own: Path) -> None:
    own.write_text(OWN.replace("tls: none", "tls: none, proxy_protocol: true"))
    alone = settings(layout, PORTS, "postfix", file=own).config
    assert not alone.listeners["legacy"].proxy_protocol
    there = Surroundings(address="192.0.2.11", base_url="https://click.own.example", proxied=True)
    host = settings(layout, PORTS, "postfix", file=own, surroundings=there).config
    found = {name: (each.bind, each.proxy_protocol) for name, each in host.listeners.items()}
    assert found == {"submission": ("192.0.2.11", False), "legacy": ("192.0.2.11", True)}
    assert (host.web.bind, host.base_url) == ("192.0.2.11", "https://click.own.example")
