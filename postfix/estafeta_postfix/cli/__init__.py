"""The `estafeta` command: one file per subcommand.

Exit status: 0 done, 1 the answer is no (nothing found, an expectation not met), 2 it could not be done.
Errors go to standard error. A subcommand's module is loaded when it is called, because each knows much
that the others do not need.
"""

import errno
import importlib
import importlib.metadata
import os
import sys
from pathlib import Path

import click

from estafeta_core.config.document import ConfigError
from estafeta_postfix.cli.failure import Failure

DEFAULT_CONFIG = Path("/etc/estafeta/estafeta.yaml")

# Each is `command` in the module of its name, or of the one that Python lets a module have.
COMMANDS = (
    *("sandbox", "serve", "check", "demo", "explain"),
    *("show", "events", "stats", "send", "group", "content"),
    *("account", "key", "domain", "sender", "dkim", "import", "export"),
    *("suppress", "webhook", "erase", "store", "postfix"),
)
_MODULES = {"import": "importing", "export": "exporting"}

# Standard output that takes no more; a pipe that nobody reads ends a command with 1 and no words.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class _Commands(click.Group):
    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"estafeta_postfix.cli.{_MODULES.get(name, name)}")
        command: click.Command = module.command
        return command


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="ESTAFETA_CONFIG",
    default=DEFAULT_CONFIG,
    show_default=True,
    show_envvar=True,
    help="The configuration that commands work on.",
)
@click.version_option(importlib.metadata.version("estafeta"), prog_name="estafeta")
@click.pass_context
def estafeta(context: click.Context, config: Path) -> None:
    """Turn Postfix into an SMTP API: API keys, checked senders, tracked links, events."""
    context.obj = config


def main() -> None:
    """Run the command; what an operator can mend is one line on standard error."""
    if sys.stdout is None:  # as Python has it where descriptor 1 is closed
        nobody = "standard output is closed, and nobody would learn the answer (>/dev/null is open)"
        sys.exit(_complain(nobody, 2))
    try:
        estafeta(prog_name="estafeta")
    except ConfigError as error:
        sys.exit(_complain(error, 2))
    except Failure as error:
        sys.exit(_complain(error, error.status))
    except OSError as error:
        if error.errno not in _FULL or error.filename is not None:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left is written when Python ends
        sys.exit(_complain(f"standard output: {error.strerror}", 2))


def _complain(error: Exception | str, status: int) -> int:
    click.echo(f"estafeta: {error}", err=True)
    return status
