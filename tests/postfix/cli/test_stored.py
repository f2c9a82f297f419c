from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from estafeta_core.config.document import ConfigError
from estafeta_core.store.rows import Event
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.stored import detail, opened

Run = Callable[..., Result]


def test_a_store_that_is_not_there_is_not_made(config: Path) -> None:
    with pytest.raises(Failure, match="no store yet"), opened(config):
        pass
    assert not (config.parent / "estafeta.db").exists()


def test_a_store_that_cannot_be_read_is_a_failure(filled: Path) -> None:
    (filled.parent / "estafeta.db").write_bytes(
        b"this is no database, but it is long enough to look at" * 100
    )
    with pytest.raises(Failure, match=r"estafeta\.db"), opened(filled) as store:
        store.events()


def test_a_configuration_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError), opened(tmp_path / "none.yaml"):
        pass


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("injection", {}, ""),
        ("delivery", {"queue_time": "1234", "ip_address": "192.0.2.1"}, "192.0.2.1, 1.2 s in the queue"),
        ("delivery", {}, ""),
        ("delivery", {"ip_address": "192.0.2.1", "ip_pool": "marketing"}, "192.0.2.1, pool marketing"),
        ("bounce", {"raw_reason": "550 no", "ip_pool": "marketing"}, "550 no, pool marketing"),
        ("bounce", {"raw_reason": "550 no", "ip_address": "192.0.2.1"}, "550 no"),
        ("spam_complaint", {"fbtype": "abuse", "user_str": "Agent/1"}, "abuse"),
        ("warning", {"reason": "The text lacks [Unsubscribe]"}, "The text lacks [Unsubscribe]"),
        ("click", {"target_link_url": "https://x.example/", "ip_address": "::1"}, "https://x.example/, ::1"),
    ],
)
def test_an_event_in_a_few_words(kind: str, data: dict[str, str], expected: str) -> None:
    assert detail(Event(1, kind, 0, 5, 6, "acme", None, data)) == expected
