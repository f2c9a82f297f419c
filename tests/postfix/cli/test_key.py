import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from estafeta_core import secrets
from estafeta_core.config.load import load_accounts
from estafeta_core.directory import Credential, Directory
from estafeta_core.identity import Identity
from estafeta_postfix.cli import estafeta
from estafeta_postfix.cli.failure import Failure

_KEY = [sys.executable, "-m", "estafeta_postfix", "key"]
ACCOUNT = """\
# The account of Acme.
account: acme   # the name
dialect: sparkpost

domains:
  acme.example: {verified: true}   # since May
subaccounts:
  0123: {domains: [sub.acme.example]}
credentials:
  # made in spring
  main:
    key: "KEY"   # of the shop
    permissions: [send, events]
    allow_from: [192.0.2.0/24]
    limits: {per_minute: 600}
  old: {key: 'OLD', status: suspended}
limits: {per_day: 1000}
"""
Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the file of the account acme."""
    keys = [secrets.hash_key(secrets.generate_key()) for _ in range(2)]
    (tmp_path / "acme.yaml").write_text(ACCOUNT.replace("KEY", keys[0]).replace("OLD", keys[1]))
    (tmp_path / "acme.yaml").chmod(0o640)
    (tmp_path / "b.yaml").write_text("account: b\ndialect: sparkpost\n")
    return tmp_path


@pytest.fixture
def file(folder: Path) -> Path:
    return folder / "acme.yaml"


@pytest.fixture
def run(folder: Path) -> Run:
    """Return a function that runs `estafeta key ...` on that folder."""

    def command(*arguments: str, fails: bool = False, typed: str | None = None) -> Result:
        result = CliRunner().invoke(estafeta, ["key", *arguments, "--accounts", str(folder)], input=typed)
        if fails:
            assert isinstance(result.exception, Failure), result
            assert result.exception.status == 2
        else:
            assert result.exit_code == 0, result.output
        return result

    return command


def credential(folder: Path, credential_id: str) -> Credential:
    found = Directory(load_accounts(folder)).credential(Identity.parse(credential_id))
    assert found is not None
    return found


def by_key(folder: Path, key: str) -> Credential | None:
    return Directory(load_accounts(folder)).by_key("sparkpost", key)


def test_a_made_key_is_printed_once_and_logs_in(run: Run, folder: Path, file: Path) -> None:
    result = run("create", "acme/app")
    key = result.stdout.strip()
    assert re.fullmatch(r"[0-9a-f]{48}", key)
    found = by_key(folder, key)
    assert found is not None
    assert found.id == "acme/app"
    assert found.permissions == {"send"}
    assert key not in result.stderr
    assert key not in file.read_text()


@pytest.mark.parametrize("to", ["/dev/full", "&-", " >(true)"])
def test_a_key_that_nobody_has_seen_is_told(folder: Path, file: Path, to: str) -> None:
    before = file.read_text()
    command = f"{' '.join(_KEY)} create acme/app --accounts {folder} >{to}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    if to == "&-":
        assert file.read_text() == before
    else:
        assert re.fullmatch(
            r"estafeta: nobody has seen the key of acme/app, as standard output says: .*"
            r" \(estafeta key revoke acme/app\)\n",
            done.stderr,
        )


@pytest.mark.parametrize("indent", ["  ", "    "])
def test_everything_else_in_the_file_stays_as_it_was(run: Run, file: Path, indent: str) -> None:
    listed = f"\n{indent * 3}- send\n{indent * 3}- events"
    file.write_text(file.read_text().replace("  ", indent).replace(" [send, events]", listed))
    before = file.read_text().splitlines()
    run("create", "acme/app")
    after = file.read_text().splitlines()
    assert [line for line in after if line in before] == before
    added = [line for line in after if line not in before]
    assert re.fullmatch(indent + r'app: \{key: "sha256:.*", permissions: \[send\]\}', added[0])
    assert len(added) == 1


def test_rights_and_expiry_are_written(run: Run, folder: Path) -> None:
    rights = ["--permission", "send", "--permission", "skip_suppression", "--require-tls"]
    places = ["--allow-from", "10.0.0.0/8", "--allow-from", "2001:db8::1"]
    run("create", "acme/app", *rights, *places, "--expires", "90d")
    settings = credential(folder, "acme/app").settings
    assert settings.permissions == ("send", "skip_suppression")
    assert settings.allow_from == ("10.0.0.0/8", "2001:db8::1")
    assert settings.require_tls
    assert settings.expires is not None
    assert abs(settings.expires - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=1)
    run("create", "acme/until", "--expires", "2030-01-01T02:00:00+02:00")
    assert credential(folder, "acme/until").settings.expires == datetime(2030, 1, 1, tzinfo=UTC)


def test_the_first_key_of_an_account_can_be_made(run: Run, folder: Path) -> None:
    key = run("create", "b/main").stdout.strip()
    assert by_key(folder, key) is not None
    run("create", "b/other")
    assert len(credential(folder, "b/other").account.credentials) == 2


def test_json_holds_the_key_and_where_it_went(run: Run, folder: Path, file: Path) -> None:
    shown = json.loads(run("create", "acme/app", "--json", "--expires", "2030-01-01T00:00:00Z").stdout)
    assert shown["id"] == "acme/app"
    assert shown["file"] == str(file)
    assert shown["expires"] == "2030-01-01T00:00:00Z"
    assert by_key(folder, shown["key"]) is not None


def test_print_leaves_the_file_alone_and_says_what_to_write(run: Run, file: Path) -> None:
    before = file.read_bytes()
    result = run("create", "acme/app", "--print")
    assert file.read_bytes() == before
    assert secrets.hash_key(result.stdout.strip()) in result.stderr
    assert str(file) in result.stderr


def test_mode_owner_and_symbolic_links_are_kept(run: Run, folder: Path, file: Path) -> None:
    if os.geteuid() == 0:
        os.chown(file, 1234, 4321)
    kept = file.rename(folder / "kept")
    file.symlink_to(kept)
    run("create", "acme/app")
    assert file.is_symlink()
    found = kept.stat()
    assert found.st_mode & 0o777 == 0o640
    assert os.geteuid() != 0 or (found.st_uid, found.st_gid) == (1234, 4321)
    assert sorted(path.name for path in folder.iterdir()) == ["acme.yaml", "b.yaml", "kept"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "acme/main"), "acme/main exists"),
        (("create", "nobody/main"), "there is no account nobody in"),
        (("create", "acme"), "'acme' is not of the form ACCOUNT/NAME"),
        (("create", "acme/main/123"), "is not of the form"),
        (("create", "acme/-x"), "is not of the form"),
        (("create", "acme/app", "--allow-from", "localhost"), "credentials.app.allow_from.0: 'localhost'"),
        (("create", "acme/app", "--expires", "tomorrow"), "'tomorrow' is neither a time with a zone"),
        (("create", "acme/app", "--expires", "2030-01-01T00:00:00"), "neither a time with a zone"),
        (("suspend", "acme/gone"), "there is no credential acme/gone"),
        (("rotate", "acme/old"), "acme/old is suspended"),
        (("rotate", "acme/main", "--overlap", "soon"), "'soon' is not a duration"),
    ],
)
def test_what_cannot_be_done_changes_nothing(
    folder: Path, file: Path, arguments: tuple[str, ...], said: str
) -> None:
    before = file.read_bytes()
    result = CliRunner().invoke(estafeta, ["key", *arguments, "--accounts", str(folder)])
    assert result.exit_code != 0
    assert said in str(result.exception)
    assert result.stdout == ""
    assert file.read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["acme.yaml", "b.yaml"]


def test_errors_go_to_standard_error_with_status_2(folder: Path) -> None:
    command = [*_KEY, "revoke", "acme/gone", "--accounts", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"estafeta: there is no credential acme/gone in {folder}\n"


def test_a_mistake_in_another_file_is_named_before_anything_is_written(folder: Path, file: Path) -> None:
    (folder / "b.yaml").write_text("account: b\n")
    before = file.read_bytes()
    result = CliRunner().invoke(estafeta, ["key", "create", "acme/app", "--accounts", str(folder)])
    assert "b.yaml:1: the key `dialect` is missing" in str(result.exception)
    assert file.read_bytes() == before


def test_keys_are_listed_by_their_first_digits(run: Run, folder: Path) -> None:
    key = run("create", "acme/app", "--expires", "2020-01-01T00:00:00Z").stdout.strip()
    rows = {row["id"]: row for row in json.loads(run("list", "--json").stdout)}
    assert list(rows) == ["acme/main", "acme/old", "acme/app"]
    assert rows["acme/main"]["permissions"] == ["send", "events"]
    assert [rows[name]["status"] for name in rows] == ["active", "suspended", "expired"]
    assert rows["acme/app"]["prefix"] == key[:8]
    text = run("list").stdout
    assert [line.split()[0] for line in text.splitlines()] == ["ACCOUNT/NAME", *rows]
    expires = text.index("EXPIRES")
    assert {line[expires - 1] for line in text.splitlines()} == {" "}  # however wide what stands before it is
    assert key not in text


@pytest.fixture
def provider(folder: Path) -> Callable[[str, str], None]:
    """Return a function that makes an account of a dialect."""

    def make(name: str, dialect: str) -> None:
        (folder / f"{name}.yaml").write_text(f"account: {name}\ndialect: {dialect}\n")

    return make


def test_p08_a_key_has_the_providers_form(
    run: Run, folder: Path, provider: Callable[[str, str], None]
) -> None:
    provider("micuenta", "perfit")
    key = run("create", "micuenta/main").stdout.strip()
    assert re.fullmatch(r"micuenta-tr-[0-9a-z]{32,}", key)
    found = Directory(load_accounts(folder)).by_key("perfit", key)
    assert found is not None
    assert found.id == "micuenta/main"
    rotated = run("rotate", "micuenta/main").stdout.strip()
    assert rotated.startswith("micuenta-tr-")
    assert rotated != key


def test_t16_a_password_is_chosen_and_the_user_name_is_user_and_plan(
    run: Run, folder: Path, provider: Callable[[str, str], None]
) -> None:
    provider("plan", "teenvio")
    said = run("create", "plan/usuario", "--password", typed="contraseña larga \n")
    assert said.stdout == ""
    assert said.stderr == "The user name of plan/usuario is usuario.plan.\n"
    found = Directory(load_accounts(folder)).by_username("teenvio", "usuario.plan")
    assert found is not None
    check = secrets.PasswordChecker().check
    assert check(found.id, found.settings.password, "contraseña larga ")
    assert not check(found.id, found.settings.password, "contraseña larga")
    row = next(row for row in json.loads(run("list", "--json").stdout) if row["id"] == "plan/usuario")
    assert (row["username"], row["prefix"]) == ("usuario.plan", None)
    [line] = [line for line in run("list").stdout.splitlines() if line.startswith("plan/usuario")]
    assert line.split()[1:4] == ["teenvio", "usuario.plan", "password"]


def test_a_user_name_with_a_made_key_is_printed_with_it(
    run: Run, folder: Path, provider: Callable[[str, str], None]
) -> None:
    provider("yourdomain", "emitlo")
    shown = json.loads(run("create", "yourdomain/prod", "--username", "prod_abc123", "--json").stdout)
    assert shown["username"] == "prod_abc123"
    found = Directory(load_accounts(folder)).by_username("emitlo", "prod_abc123")
    assert found is not None
    assert found.settings.key == secrets.hash_key(shown["key"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "acme/app", "--username", "app"), "sparkpost finds credentials by their key alone"),
        (("create", "acme/app", "--password"), "sparkpost finds credentials by their key alone"),
        (
            ("create", "plan/usuario", "--username", "usuario"),
            "'usuario' is not a user name of teenvio: user.plan",
        ),
        (("create", "plan/usuario", "--password"), "must not be empty"),
    ],
)
def test_what_the_provider_does_not_know_is_refused(
    run: Run, folder: Path, provider: Callable[[str, str], None], arguments: tuple[str, ...], said: str
) -> None:
    provider("plan", "teenvio")
    before = {path.name: path.read_text() for path in folder.iterdir()}
    assert said in str(run(*arguments, fails=True, typed="\n").exception)
    assert {path.name: path.read_text() for path in folder.iterdir()} == before


def test_a_key_is_suspended_taken_again_and_revoked_for_good(run: Run, folder: Path, file: Path) -> None:
    for command, status in (("suspend", "suspended"), ("activate", "active"), ("revoke", "revoked")):
        run(command, "acme/main")
        assert credential(folder, "acme/main").settings.status == status
    for command in ("activate", "suspend"):
        assert "revoked for good" in str(run(command, "acme/main", fails=True).exception)
    assert "of the shop" in file.read_text()


def test_s10_a_rotated_key_has_the_rights_of_the_old_one_which_expires(
    run: Run, folder: Path, file: Path
) -> None:
    old = credential(folder, "acme/main").settings
    key = run("rotate", "acme/main", "--overlap", "2h").stdout.strip()
    new = by_key(folder, key)
    assert new is not None
    assert new.id == "acme/main-2"
    assert new.settings.permissions == old.permissions
    assert new.settings.allow_from == old.allow_from
    assert new.settings.limits == old.limits
    assert new.settings.expires is None
    kept = credential(folder, "acme/main").settings
    assert kept.key == old.key
    assert kept.expires is not None
    assert abs(kept.expires - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=1)
    assert "# made in spring" in file.read_text()
    assert "0123: {domains: [sub.acme.example]}" in file.read_text()


def test_rotating_again_counts_on_and_never_lengthens_a_life(run: Run, folder: Path) -> None:
    run("rotate", "acme/main", "--overlap", "1h")
    first = credential(folder, "acme/main").settings.expires
    run("rotate", "acme/main", "--overlap", "9d")
    assert credential(folder, "acme/main").settings.expires == first
    run("rotate", "acme/main-2")
    assert {"main", "main-2", "main-3", "main-4"} <= set(credential(folder, "acme/main").account.credentials)


def test_commands_at_the_same_moment_lose_nothing(folder: Path) -> None:
    commands = [[*_KEY, "create", f"acme/app{n}", "--accounts", str(folder)] for n in range(8)]
    processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
    assert [process.wait(60) for process in processes] == [0] * 8
    assert len(credential(folder, "acme/main").account.credentials) == 2 + 8


def test_the_folder_comes_from_the_configuration_when_none_is_given(folder: Path) -> None:
    (folder / "accounts.d").mkdir()
    (folder / "b.yaml").rename(folder / "accounts.d" / "b.yaml")
    (folder / "link.key").write_bytes(b"k" * 32)
    (folder / "estafeta.conf").write_text(
        "hostname: mx.example.com\nbase_url: https://c.example.com\nbounce_domain: b.example.com\n"
        "listeners: {s: {dialects: [sparkpost], port: 587}}\nsigning_keys: [link.key]\n"
    )
    config = str(folder / "estafeta.conf")
    before, after = ["--config", config, "key", "create", "b/1"], ["key", "create", "b/2", "--config", config]
    for arguments in (before, after):
        assert CliRunner().invoke(estafeta, arguments).exit_code == 0
    assert len(load_accounts(folder / "accounts.d")[0].credentials) == 2
