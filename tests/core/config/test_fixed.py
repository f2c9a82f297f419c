from pathlib import Path

import pytest

from estafeta_core.config import load
from estafeta_core.config.fixed import RENDER, RESTART, pending

OLD = "{dialects: [sparkpost], port: 587}"


@pytest.mark.parametrize(
    ("old", "new", "waiting"),
    [
        ("hostname: mx.example.com", "hostname: mx2.example.com", [f"hostname: {RENDER}"]),
        ("bounce.example.com", "bounces.example.com", [f"bounce_domain: {RENDER}"]),
        ("[link.key]", "[link.key]\nrun_dir: other", [f"run_dir: {RENDER}"]),
        ("[link.key]", "[link.key]\nstore: sqlite:///other.db", [f"store: {RESTART}"]),
        ("[link.key]", "[link.key]\nweb: {port: 8026}", [f"web: {RESTART}"]),
        (OLD, "{dialects: [sparkpost], port: 588}", [f"listeners.submission.port: {RENDER}"]),
        (
            OLD,
            "{dialects: [teenvio], port: 587, receipt: true}",
            [f"listeners.submission.dialects: {RENDER}", f"listeners.submission.receipt: {RENDER}"],
        ),
        (OLD, f"{OLD}\n  more: {{dialects: [sparkpost], port: 588}}", [f"listeners.more: {RENDER}"]),
        ("submission:", "other:", [f"listeners.other: {RENDER}", f"listeners.submission: {RENDER}"]),
        (OLD, "{dialects: [sparkpost], port: 587, deprecated: true}", []),
        ("[link.key]", "[link.key]\nip_pools: {a: {helo: a.example}}", [f"ip_pools.a: {RENDER}"]),
        ("click.example.com", "links.example.com", []),
        ("[link.key]", "[link.key]\nhosting: {quota: 1}", []),
        ("[link.key]", "[link.key]\nhosting: {shared: true}", [f"hosting.shared: {RESTART}"]),
        (
            OLD,
            "{dialects: [sparkpost], port: 587, proxy_protocol: true}",
            [f"listeners.submission.proxy_protocol: {RENDER}"],
        ),
        ("[link.key]", "[link.key]\n# nothing", []),
    ],
)
def test_what_waits_for_a_restart_is_named(config: Path, old: str, new: str, waiting: list[str]) -> None:
    started = load.load_config(config)
    assert old in config.read_text()
    config.write_text(config.read_text().replace(old, new))
    assert pending(started, load.load_config(config)) == waiting


def test_what_is_new_of_a_pool_is_named(config: Path) -> None:
    config.write_text(config.read_text() + "ip_pools: {a: {helo: a.example}, b: {}}\n")
    started = load.load_config(config)
    config.write_text(config.read_text().replace("a.example", "c.example").replace(", b: {}", ""))
    waiting = [f"ip_pools.a.helo: {RENDER}", f"ip_pools.b: {RENDER}"]
    assert pending(started, load.load_config(config)) == waiting
