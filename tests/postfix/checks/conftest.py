from pathlib import Path

import pytest

from estafeta_core import secrets
from estafeta_postfix.checks.setup import Setup


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration of one account that can send, with nothing running."""
    (tmp_path / "accounts.d").mkdir()
    (tmp_path / "link.key").write_text("0123456789abcdef" * 4)
    (tmp_path / "link.key").chmod(0o600)
    key = secrets.hash_key(secrets.generate_key())
    (tmp_path / "accounts.d" / "acme.yaml").write_text(
        f"account: acme\ndialect: sparkpost\ndomains: {{acme.example: {{verified: true}}}}\n"
        f'credentials: {{main: {{key: "{key}"}}}}\n'
    )
    path = tmp_path / "estafeta.yaml"
    path.write_text(
        "hostname: mx.example.com\nbase_url: http://localhost\nbounce_domain: bounce.example.com\n"
        "listeners: {a: {dialects: [sparkpost], port: 587}}\nsigning_keys: [link.key]\n"
        "store: sqlite:///estafeta.db\nmaillog: mail.log\nrun_dir: run\nstate_dir: state\n"
    )
    return path


@pytest.fixture
def setup(config: Path) -> Setup:
    return Setup(config)
