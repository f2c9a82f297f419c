from collections.abc import Callable
from pathlib import Path

import pytest

from estafeta_core.config.schema import Config, IpPool, Listener
from estafeta_postfix import ports
from estafeta_postfix.install.facts import Facts, read

MASTER = Path("/usr/share/postfix/master.cf.dist")

FactsOf = Callable[..., Facts]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    port, delivery = ports.take(2)
    return Config(
        hostname="mx.example.com",
        base_url="https://click.example.com",
        bounce_domain="bounce.example.com",
        listeners={"perfit": Listener(dialects=("perfit",), port=port, tls="none")},
        signing_keys=(),
        ip_pools={"own": IpPool(bind_address="127.0.0.2")},
        run_dir=tmp_path / "run",
        state_dir=tmp_path / "state",
        delivery_port=delivery,
    )


@pytest.fixture
def facts_of() -> FactsOf:
    """Return a function: what two texts say; Debian's master.cf where none is given."""

    def facts_of(main_cf: str = "", master_cf: str = MASTER.read_text()) -> Facts:
        return read(Path("/srv/conf"), f"compatibility_level = 3.6\n{main_cf}", master_cf)

    return facts_of


@pytest.fixture
def facts(facts_of: FactsOf) -> Facts:
    """Debian's master.cf, and hardly any main.cf."""
    return facts_of()
