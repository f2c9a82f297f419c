from pathlib import Path

import pytest

from estafeta_milter.derived import Deriving
from estafeta_milter.message.part import Bounds
from estafeta_testing.milter_site import Site
from estafeta_testing.office import LINKS, Office


def test_a_snapshot_is_worked_out_once_and_the_next_one_anew(office: Office) -> None:
    deriving = Deriving()
    first = deriving.of(office.live.current)
    assert deriving.of(office.live.current) is first
    assert first.bounds == Bounds()
    assert LINKS.read_bounce_address(first.links.bounce_address(1)) is not None
    office.site.configure("mime: {depth: 3, parts: 4, header_count: 5, header_bytes: 600}\n")
    assert office.live.reload() is None
    second = deriving.of(office.live.current)
    assert second.bounds == Bounds(3, 4, 5, 600)
    assert second.shelf.keep(b"x")
    assert (office.site.folder / "hosted").is_dir()


def test_a_key_that_is_gone_is_an_error_of_the_machine(office: Office, site: Site) -> None:
    Path(site.folder / "link.key").unlink()
    with pytest.raises(FileNotFoundError):
        Deriving().of(office.live.current)
