import subprocess
from pathlib import Path

import pytest

import man


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pages = tmp_path_factory.mktemp("man")
    man.main(pages)
    return pages / "man1"


def test_every_command_has_a_page_and_is_named_on_that_above_it(folder: Path) -> None:
    pages = {path.name for path in folder.iterdir()}
    assert {"estafeta.1", "estafeta-key.1", "estafeta-key-create.1", "estafeta-explain.1"} <= pages
    for name in pages - {"estafeta.1"}:
        above, _, command = name.removesuffix(".1").rpartition("-")
        assert f"\\fB{command}\\fR" in (folder / f"{above}.1").read_text()


def test_a_page_shows_what_help_says(folder: Path) -> None:
    shown = subprocess.run(
        ["groff", "-man", "-Tascii", "-P-cbou", "-ww", str(folder / "estafeta-key-create.1")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stderr == ""
    words = " ".join(shown.stdout.split())
    assert "Make a key for the account and print it" in words
    assert "--allow-from NETWORK Take it from this network only." in words


def test_the_configuration_has_a_page_with_every_section(folder: Path) -> None:
    page = folder.parent / "man5" / "estafeta.yaml.5"
    shown = subprocess.run(
        ["groff", "-man", "-Tascii", "-P-cbou", "-ww", str(page)], capture_output=True, text=True, check=True
    )
    assert shown.stderr == ""
    words = " ".join(shown.stdout.split())
    assert "bounce_domain (text; required) The envelope sender becomes b+TOKEN@ here." in words
    assert "credentials.NAME.limits" in words


def test_what_man_would_read_as_a_request_is_text() -> None:
    assert man._plain(".SH x\\y-z") == "\\&.SH x\\ey\\-z"
