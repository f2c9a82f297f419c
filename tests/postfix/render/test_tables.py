import msgspec
import pytest

from estafeta_core.config.schema import Config, Listener
from estafeta_core.dialects import DIALECTS
from estafeta_core.dialects.base import Dialect
from estafeta_postfix.render.listener import listener_service
from estafeta_postfix.render.tables import KINDS, tables


class Talkative(Dialect):
    name = "talkative"
    size_limit = 1000
    command_filter = ("/^AUTH CRAM-MD5/ X504",)

    def reject_footers(self, limit: int) -> tuple[str, ...]:
        return "/^503 / ask the manual", f"/^504 / at most {limit}"


class Silent(Dialect):
    name = "silent"
    size_limit = 1000


@pytest.fixture(autouse=True)
def both(monkeypatch: pytest.MonkeyPatch) -> None:
    for dialect in (Talkative(), Silent()):
        monkeypatch.setitem(DIALECTS, dialect.name, dialect)


def with_listener(config: Config, *dialects: str) -> Config:
    return msgspec.structs.replace(config, listeners={"one": Listener(dialects=dialects, port=587)})


def test_each_kind_of_line_has_a_file_of_the_listener(config: Config) -> None:
    made = tables(with_listener(config, "talkative"))
    assert set(made) == {"one.command_filter", "one.reject_footer"}
    assert made["one.command_filter"].splitlines()[1:] == ["/^AUTH CRAM-MD5/ X504"]
    assert made["one.reject_footer"].splitlines()[1:] == ["/^503 / ask the manual", "/^504 / at most 1000"]
    assert all(text.startswith("#") for text in made.values())


def test_the_texts_know_the_size_limit_of_the_listener(config: Config) -> None:
    listener = Listener(dialects=("talkative",), port=587, size_limit=5000)
    made = tables(msgspec.structs.replace(config, listeners={"one": listener}))
    assert made["one.reject_footer"].splitlines()[2] == "/^504 / at most 5000"


def test_the_listener_is_told_of_its_files_by_the_folder_of_the_instance(config: Config) -> None:
    options = listener_service(with_listener(config, "talkative"), "one").options
    assert options["smtpd_command_filter"] == "regexp:$config_directory/one.command_filter"
    assert options["smtpd_reject_footer_maps"] == "regexp:$config_directory/one.reject_footer"


@pytest.mark.parametrize("dialects", [("silent",), ("talkative", "silent")])
def test_who_has_nothing_to_say_or_speaks_for_several_has_no_file(
    config: Config, dialects: tuple[str, ...]
) -> None:
    config = with_listener(config, *dialects)
    options = listener_service(config, "one").options
    assert tables(config) == {}
    assert options["smtpd_command_filter"] == options["smtpd_reject_footer_maps"] == ""


def test_a_kind_ends_the_name_of_its_files(config: Config) -> None:
    assert {name.rpartition(".")[2] for name in tables(with_listener(config, "talkative"))} == set(KINDS)
