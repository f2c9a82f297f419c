"""The instance of Postfix that serves our listeners, as its files say: the operator's, or one of our own.

`read` raises InstanceError, InstallError, PartsError, RecordError, RenderError and OSError where there is
none, or it cannot be read.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from estafeta_core.config.schema import Config
from estafeta_postfix.install import conflicts, facts
from estafeta_postfix.install.change import Installation
from estafeta_postfix.install.conflicts import Conflict
from estafeta_postfix.install.facts import Facts
from estafeta_postfix.install.records import State
from estafeta_postfix.install.server import default_directory
from estafeta_postfix.render import shared
from estafeta_postfix.render.main_cf import NOTE
from estafeta_postfix.render.place import CONF, Ways
from estafeta_postfix.render.service import Service
from estafeta_postfix.render.tables import tables


@dataclass(frozen=True, slots=True)
class Served:
    """What is there, and what has to be."""

    directory: Path
    private: bool  # an instance of our own, whose files are written anew at each start
    there: Facts  # all of main.cf and master.cf, our part included
    wanted: list[Service]  # ours, each with every option that it has to have, and no other
    conflicts: list[Conflict]
    unreached: list[str]  # what keeps bounces from coming in
    interrupted: bool  # a change by `estafeta postfix` was not completed
    differs: bool  # our part of the files, tables included, is not what would be written now

    @property
    def ours(self) -> bool:
        """Whether there is any service of ours."""
        names = {each.name for each in self.wanted}
        return any(each.name in names for each in self.there.services)


def read(config: Config, directory: Path | None) -> Served:
    """Return what the files in `directory` say; None: those of our own instance, else of the host's."""
    own = config.queue_directory.parent / CONF
    place = directory or (own if _is_private(own) else default_directory())
    private = _is_private(place)
    texts = [(place / name).read_text("utf-8", "surrogateescape") for name in ("main.cf", "master.cf")]
    there = facts.read(place, *texts)
    if private:
        return _own(config, place, there)
    installation = Installation(config, place)
    look = installation.look()
    return Served(
        place,
        private,
        there,
        look.services,
        look.conflicts,
        installation.unreached(look),
        interrupted=look.interrupted,
        differs=look.current not in (look.wanted, State()),
    )


def _own(config: Config, place: Path, there: Facts) -> Served:
    ways = Ways(config.delivery_port, there.values["relayhost"])
    wanted = shared.ours(config, ways, "$config_directory")
    names = {each.name for each in wanted}
    others = replace(there, services=tuple(each for each in there.services if each.name not in names))
    return Served(
        place,
        private=True,
        there=there,
        wanted=wanted,
        conflicts=conflicts.standing(config, others),
        unreached=[],
        interrupted=False,
        differs=not all(_holds(place / name, text) for name, text in tables(config).items()),
    )


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text


def _is_private(directory: Path) -> bool:
    try:
        with (directory / "main.cf").open("rb") as file:
            return file.readline() == NOTE.encode()
    except OSError:
        return False
