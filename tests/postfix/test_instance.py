import asyncio
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from estafeta_core.config.schema import Config, Listener
from estafeta_core.dialects import DIALECTS
from estafeta_postfix import certificate, instance, ports
from estafeta_postfix.instance import Instance, InstanceError
from estafeta_postfix.render.place import Place
from estafeta_postfix.sandbox.readiness import smtp_banner, wait
from estafeta_postfix.supervisor import Program, Supervisor

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="Postfix can only be started by root")


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that Postfix's daemons can reach; pytest's own is closed to them."""
    with tempfile.TemporaryDirectory(prefix="estafeta-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def place(root: Path) -> Place:
    (root / "tls.pem").write_bytes(certificate.make("mx.example.com", datetime.now(UTC)).chain)
    return Place(
        root=root / "postfix",
        intake_host=ports.LOOPBACK,
        intake_port=ports.take(1)[0],
        delivery_port=ports.take(1)[0],
        tls_chain=root / "tls.pem",
        relayhost="[127.0.0.1]:9",
    )


@pytest.fixture
def config(root: Path) -> Config:
    return Config(
        hostname="mx.example.com",
        base_url="http://localhost",
        bounce_domain="bounce.example.com",
        listeners={"submission": Listener(dialects=("sparkpost",), port=ports.take(1)[0])},
        signing_keys=(),
        run_dir=root / "run",
        state_dir=root / "state",
        maillog=root / "mail.log",
    )


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in folder.rglob("*")}


def test_making_an_instance_twice_changes_nothing_the_second_time(place: Place, config: Config) -> None:
    made = Instance(place)
    assert made.ensure(config)
    assert not made.ensure(config)
    assert made.ensure(msgspec.structs.replace(config, hostname="other.example.com"))
    assert made.parameter("myhostname") == "other.example.com"


def test_tables_are_there_for_the_listeners_that_need_them(
    place: Place, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    teenvio = DIALECTS["teenvio"]
    monkeypatch.setattr(type(teenvio), "command_filter", ("/^AUTH CRAM-MD5/ X504",))
    listener = msgspec.structs.replace(config.listeners["submission"], dialects=("teenvio",))
    made = Instance(place)
    made.ensure(msgspec.structs.replace(config, listeners={"spoken": listener}))
    table = place.config_directory / "spoken.command_filter"
    assert table.read_text().endswith("\n/^AUTH CRAM-MD5/ X504\n")
    monkeypatch.setattr(type(teenvio), "command_filter", ())
    assert made.ensure(msgspec.structs.replace(config, listeners={"spoken": listener}))
    assert not table.exists()


def test_an_instance_leaves_the_one_of_the_host_alone(place: Place, config: Config) -> None:
    folders = [Path("/etc/postfix"), Path("/var/spool/postfix"), Path("/var/lib/postfix")]
    before = [snapshot(folder) for folder in folders]
    made = Instance(place)
    made.ensure(config)
    made.check()
    assert [snapshot(folder) for folder in folders] == before


@pytest.mark.parametrize("line", ["no_such_parameter = 1\n", "this is no parameter\n"])
def test_what_postfix_does_not_understand_is_an_error_with_its_words(
    place: Place, config: Config, line: str
) -> None:
    made = Instance(place)
    made.ensure(config)
    with (place.config_directory / "main.cf").open("a") as file:
        file.write(line)
    with pytest.raises(InstanceError, match=r"main\.cf"):
        made.check()


def test_what_the_check_of_postfix_warns_of_is_an_error(place: Place, config: Config) -> None:
    made = Instance(place)
    made.ensure(config)
    os.chown(place.data_directory, 0, 0)
    with pytest.raises(InstanceError, match="not owned by postfix"):
        made.check()


def test_an_older_postfix_is_refused(place: Place, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Instance(place)
    made.ensure(config)
    with (place.config_directory / "main.cf").open("a") as file:
        file.write("mail_version = 3.5.25\n")
    with pytest.raises(InstanceError, match="too old"):
        made.check()


def test_a_folder_that_is_closed_to_postfix_is_named(root: Path) -> None:
    closed = root / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(InstanceError, match=f"{closed} is closed"):
        instance.check_reachable(closed / "sandbox")
    instance.check_reachable(root / "not-yet-there")


def test_a_command_that_is_not_installed_is_named() -> None:
    with pytest.raises(InstanceError, match="install the package postfix"):
        instance.command("no-such-command")


def test_the_instance_runs_until_it_is_told_to_stop(place: Place, config: Config) -> None:
    made = Instance(place)
    made.ensure(config)

    async def scenario() -> bool:
        supervisor = Supervisor()
        await supervisor.start(Program("postfix", made.master_command()))
        probe = smtp_banner(place.intake_host, place.intake_port, tls=False)
        await wait("postfix", probe, lambda: supervisor.deaths("postfix"), config.maillog)
        await asyncio.to_thread(made.reload)
        await wait("postfix", probe, lambda: supervisor.deaths("postfix"), config.maillog)
        await supervisor.stop()
        return await probe()

    assert not asyncio.run(scenario())
