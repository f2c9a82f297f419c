"""`estafeta sandbox`: the whole system on loopback, with a capture server for all mail, until Ctrl-C."""

import asyncio
from pathlib import Path

import click

from estafeta_core.sockets import SocketError
from estafeta_core.store import StoreUnavailable
from estafeta_core.store.store import POSTGRESQL, backend
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.instance import InstanceError
from estafeta_postfix.ports import PortError
from estafeta_postfix.render.values import RenderError
from estafeta_postfix.sandbox import run
from estafeta_postfix.sandbox.description import Description
from estafeta_postfix.sandbox.folder import FolderError
from estafeta_postfix.sandbox.readiness import NotReadyError

ERRORS = (FolderError, InstanceError, NotReadyError, PortError, RenderError, SocketError, StoreUnavailable)


def _server(_context: click.Context, _parameter: click.Parameter, url: str | None) -> str | None:
    """Hold the URL of a store to what can be opened; it is not quoted, as it may hold a password."""
    if url is None:
        return None
    if not url.startswith(POSTGRESQL):
        raise click.BadParameter(f"must be {POSTGRESQL}host/database")
    try:
        backend(url)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return url


@click.command("sandbox")
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep everything in this folder; it may be a sandbox's from before. [default: a temporary one]",
)
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Listeners and settings of your own; paths and ports stay the sandbox's.",
)
@click.option(
    "--accounts",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder of account files of your own.",
)
@click.option(
    "--store",
    callback=_server,
    help="A postgresql:// URL of a database for it, instead of a file of its own.",
)
@click.option("--json", "as_json", is_flag=True, help="When all is running, print one line of JSON.")
def command(
    *, folder: Path | None, file: Path | None, accounts: Path | None, store: str | None, as_json: bool
) -> None:
    """Run everything on loopback, without touching any mail server, until Ctrl-C.

    A Postfix of its own, the daemons, the web service, and a server that plays every remote mail host:
    nothing leaves this machine. Needs root, because Postfix does.
    """

    def announce(description: Description) -> None:
        click.echo(description.as_json() if as_json else description.as_text())

    def say(text: str) -> None:
        click.echo(f"sandbox: {text}", err=True)

    try:
        asyncio.run(run.run(folder, file=file, accounts=accounts, store=store, say=say, announce=announce))
    except ERRORS as error:
        raise Failure(str(error)) from None
