"""`estafeta postfix`: our services added to the Postfix of this host, shown first, and taken back."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from estafeta_core.config.load import load_config
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.text import json_text
from estafeta_postfix.install.change import Installation, InstallError, Look
from estafeta_postfix.install.records import RecordError
from estafeta_postfix.install.server import default_directory
from estafeta_postfix.instance import InstanceError
from estafeta_postfix.render.values import RenderError


@click.group("postfix")
def command() -> None:
    """Add SMTP services to the Postfix of this host, or take them back."""


directory_option = click.option(
    "--config-directory",
    "directory",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    envvar="MAIL_CONFIG",
    help="The instance: where its main.cf is. [default: the host's own]",
)


@command.command("diff")
@directory_option
@click.pass_obj
def diff(config: Path, directory: Path | None) -> None:
    """Show what `install` would change; exit status 1 if anything."""
    with _told(config, directory) as installation:
        look = installation.look()
        difference = installation.difference(look)
    click.echo(difference, nl=False)
    _say_conflicts(look)
    sys.exit(1 if difference else 0)


@command.command("install")
@directory_option
@click.pass_obj
def install(config: Path, directory: Path | None) -> None:
    """Show what changes, add our services, try them; everything is put back when one does not answer."""
    with _told(config, directory) as installation:
        look = installation.look()
        click.echo(installation.difference(look), nl=False)
        _say_conflicts(look, stops=False)
        changed = installation.install(_say)
        look = installation.look()
        for text in installation.unreached(look):
            _say(f"warning: {text}")
    _say(
        "installed, and every listener answers"
        if changed
        else "nothing to change, and every listener answers"
    )


@command.command("uninstall")
@directory_option
@click.pass_obj
def uninstall(config: Path, directory: Path | None) -> None:
    """Take our services out of Postfix; every other line stays as it is, byte for byte."""
    with _told(config, directory) as installation:
        changed = installation.uninstall(_say)
    _say("taken out" if changed else "there is nothing of ours")


@command.command("status")
@directory_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def status(config: Path, directory: Path | None, as_json: bool) -> None:
    """Tell whether Postfix has our services as configured, and whether they answer; exit status 1 if not."""
    with _told(config, directory) as installation:
        look = installation.look()
        wrong = installation.wrong(look)
        notes = [str(each) for each in look.conflicts]
        files = installation.records.files()
    if as_json:
        click.echo(json_text({"wrong": wrong, "notes": notes, "files": files}))
    else:
        for text in wrong:
            _say(f"error: {text}")
        for text in notes:
            _say(f"note: {text}")
        for each in files:
            _say(f"{each['mode']} {each['uid']}:{each['gid']} {each['path']} ({each['ours']})")
        if not wrong:
            _say("installed, and every listener answers")
    sys.exit(1 if wrong else 0)


@contextmanager
def _told(path: Path, directory: Path | None) -> Iterator[Installation]:
    """Yield the installation of a configuration; whatever it raises becomes lines for the operator."""
    try:
        yield Installation(load_config(path), directory or default_directory())
    except (InstallError, InstanceError, RecordError, RenderError) as error:
        raise Failure(str(error).replace("\n", "\nestafeta: ")) from None


def _say_conflicts(look: Look, *, stops: bool = True) -> None:
    for each in look.conflicts:
        if stops or not each.stops:
            click.echo(f"{'hindrance' if each.stops else 'note'}: {each}", err=True)


_say: Callable[[str], None] = click.echo
