from collections.abc import Callable
from pathlib import Path

import pytest

from estafeta_postfix.checks import served
from estafeta_postfix.checks.setup import UNSERVED, Setup
from estafeta_postfix.render.place import Place


def test_an_instance_of_our_own_is_found_beside_its_queue(setup: Setup, instance: Place) -> None:
    found = served.read(setup.config, None)
    assert (found.directory, found.private, found.ours) == (instance.config_directory, True, True)
    assert found.conflicts == []
    names = {each.name for each in found.wanted}
    assert {"127.0.0.1:587", "127.0.0.1:10587", "estafeta-cleanup", "estafeta-split"} <= names
    assert names <= {each.name for each in found.there.services}


def test_an_operators_instance_without_us_is_read_as_it_is(setup: Setup, tmp_path: Path) -> None:
    folder = tmp_path / "operators"
    folder.mkdir()
    (folder / "main.cf").write_text("compatibility_level = 3.6\nmilter_default_action = accept\n")
    (folder / "master.cf").write_text(Path("/usr/share/postfix/master.cf.dist").read_text())
    found = served.read(setup.config, folder)
    assert (found.private, found.ours, found.interrupted) == (False, False, False)
    assert "milter-default-action" in {each.code for each in found.conflicts}
    assert any("bounce.example.com" in each for each in found.unreached)


def test_no_instance_is_said_to_be_none(
    setup: Setup, tmp_path: Path, instance: Place, edit: Callable[[str, str, str], None]
) -> None:
    with pytest.raises(UNSERVED, match="No such file"):
        served.read(setup.config, tmp_path / "nowhere")
