import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from estafeta_core.config.accounts import Account
from estafeta_core.config.document import Document
from estafeta_core.config.schema import Config, Listener

SAMPLES = Path(__file__).parents[3] / "postfix" / "estafeta_postfix" / "samples"
SAMPLE = SAMPLES / "estafeta.yaml"
ACCOUNTS = sorted(set(SAMPLES.glob("*.yaml")) - {SAMPLE})
_COMMENTED = re.compile(r"^( *)# ( *[a-z_0-9]+:(?: .*)?)$", re.MULTILINE)


def with_every_option(sample: Path) -> str:
    """Return the sample with the options in force that it shows as comments."""
    return _COMMENTED.sub(r"\1\2", sample.read_text())


def names(kind: Any, path: str = "") -> Iterator[str]:
    """Yield every key that the schema knows below `kind`, with * for the names of the operator's choice."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for name, inner in typing.get_type_hints(kind).items():
            yield f"{path}{name}"
            yield from names(inner, f"{path}{name}.")
    elif typing.get_origin(kind) is dict:
        yield from names(typing.get_args(kind)[1], f"{path}*.")


def keys(value: Any, pattern: str) -> bool:
    """Return whether `value` has a key of this path."""
    step, _, rest = pattern.partition(".")
    if not isinstance(value, dict):
        return False
    if step == "*":
        return any(keys(inner, rest) for inner in value.values())
    return step in value and (not rest or keys(value[step], rest))


def test_the_sample_loads_as_it_is() -> None:
    assert Document(SAMPLE).convert(Config).hostname == "mx.example.com"


@pytest.mark.parametrize(("schema", "samples"), [(Config, [SAMPLE]), (Account, ACCOUNTS)])
def test_the_samples_show_every_option_there_is(schema: type, samples: list[Path]) -> None:
    shown = [yaml.safe_load(with_every_option(sample)) for sample in samples]
    assert [name for name in names(schema) if not any(keys(each, name) for each in shown)] == []


def test_what_every_account_may_have_stands_in_one_sample() -> None:
    shown = yaml.safe_load(with_every_option(SAMPLES / "acme.yaml"))
    own = ("teenvio", "devino")  # sections that one dialect alone has
    missing = [name for name in names(Account) if not keys(shown, name)]
    assert [name for name in missing if name.partition(".")[0] not in own] == []


def test_the_sample_shows_every_default(tmp_path: Path) -> None:
    path = tmp_path / "estafeta.yaml"
    path.write_text(with_every_option(SAMPLE))
    config = Document(path).convert(Config)
    defaults = Config(
        hostname=config.hostname,
        base_url=config.base_url,
        bounce_domain=config.bounce_domain,
        listeners=config.listeners,
        signing_keys=config.signing_keys,
        ip_pools=config.ip_pools,
    )
    assert config == defaults


def test_the_sample_shows_the_defaults_of_listeners() -> None:
    shown = yaml.safe_load(with_every_option(SAMPLE))["listeners"]["submission"]
    default = Listener(dialects=("sparkpost",), port=587)
    for option in ("size_limit", "idle_timeout", "recipients_per_message", "messages_per_connection"):
        assert shown[option] == getattr(default, option)


@pytest.mark.parametrize("sample", [SAMPLE, *ACCOUNTS], ids=lambda path: path.stem)
def test_every_option_of_a_sample_is_explained_on_its_line(sample: Path) -> None:
    explained: set[str] = set()
    for line in with_every_option(sample).splitlines():
        option = re.match(r" *([a-z_0-9]+): [^{]", line)
        if option and "  # " in line:
            explained.add(option[1])
        assert option is None or option[1] in explained
