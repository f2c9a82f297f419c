from pathlib import Path

import pytest

from estafeta_core.config.schema import Config, Listener
from estafeta_postfix.render.place import Place


@pytest.fixture
def config() -> Config:
    return Config(
        hostname="mx.example.com",
        base_url="https://click.example.com",
        bounce_domain="bounce.example.com",
        listeners={
            "submission": Listener(dialects=("sparkpost",), port=587, bind="0.0.0.0", tls="required"),
            "old": Listener(
                dialects=("sparkpost",), port=2525, tls="none", mechanisms=("LOGIN",), size_limit=5
            ),
            "six": Listener(dialects=("sparkpost",), port=465, bind="::1", tls="implicit", idle_timeout=30),
        },
        signing_keys=(),
        run_dir=Path("/run/estafeta"),
    )


@pytest.fixture
def place() -> Place:
    return Place(
        root=Path("/srv/sandbox/postfix"),
        intake_host="127.0.0.1",
        intake_port=25,
        delivery_port=10026,
        tls_chain=Path("/srv/sandbox/tls.pem"),
        relayhost="[127.0.0.1]:10025",
    )
