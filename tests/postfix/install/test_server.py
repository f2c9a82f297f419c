from pathlib import Path

import pytest

from estafeta_postfix.install.server import Server, default_directory, postconf
from estafeta_postfix.instance import InstanceError


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "main.cf").write_text(
        f"compatibility_level = 3.6\nqueue_directory = {tmp_path}/queue\nmail_owner = nobody-here\n"
    )
    (tmp_path / "master.cf").write_text("cleanup unix n - n - 0 cleanup\n")
    return tmp_path


def test_an_instance_says_what_it_is(directory: Path) -> None:
    assert postconf(directory, "-h", "queue_directory") == f"{directory}/queue\n"
    with pytest.raises(InstanceError, match="postconf"):
        postconf(directory / "nowhere", "-n")


def test_what_its_own_check_says_is_heard(directory: Path) -> None:
    complaints = Server(directory).complaints()
    assert any("nobody-here" in text for text in complaints)


def test_an_instance_that_does_not_run_cannot_be_told_to_reload(directory: Path) -> None:
    server = Server(directory)
    assert not server.runs()
    with pytest.raises(InstanceError, match="postfix reload"):
        server.reload()


def test_the_hosts_own_instance_is_the_default() -> None:
    assert default_directory() == Path("/etc/postfix")
