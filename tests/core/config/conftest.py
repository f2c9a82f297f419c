from pathlib import Path

import pytest

from estafeta_core import secrets

ESTAFETA = """\
hostname: mx.example.com
base_url: https://click.example.com
bounce_domain: bounce.example.com
listeners:
  submission: {dialects: [sparkpost], port: 587}
signing_keys: [link.key]
"""
KEY = secrets.hash_key(secrets.generate_key())
ACME = f"""\
account: acme
dialect: sparkpost
domains:
  acme.example: {{verified: true}}
subaccounts:
  123: {{domains: [sub.acme.example]}}
credentials:
  main: {{key: "{KEY}"}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration that loads, in a folder of its own."""
    (tmp_path / "link.key").write_bytes(b"k" * 32)
    (tmp_path / "accounts.d").mkdir()
    (tmp_path / "accounts.d" / "acme.yaml").write_text(ACME)
    path = tmp_path / "estafeta.yaml"
    path.write_text(ESTAFETA)
    return path


@pytest.fixture
def account(config: Path) -> Path:
    """The account file of that configuration."""
    return config.parent / "accounts.d" / "acme.yaml"
