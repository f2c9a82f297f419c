"""`estafeta import`: account files into the store, all of them or none."""

from collections.abc import Iterator
from pathlib import Path

import click

from estafeta_core.config.document import ConfigError
from estafeta_core.config.load import account_files, load_config
from estafeta_core.config.normal import no_collection
from estafeta_postfix.cli import progress
from estafeta_postfix.cli.account_store import Batch, Written, writable
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.text import json_text, printable

NAMED = 20  # faults that are named; more say nothing new


@click.command("import")
@click.argument(
    "sources", metavar="FILE|DIR...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True)
)
@click.option("--dry-run", is_flag=True, help="Check everything, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def command(config: Path, *, sources: tuple[Path, ...], dry_run: bool, as_json: bool) -> None:
    """Put account files into the store, where the daemons read them with `directory: store`.

    Of a folder, all files that end in .yaml. An account that is there already gets the new text; accounts
    that no file describes stay as they are. Everything is checked first: where a file cannot be used, each
    fault is told with its line, nothing is written, and the exit status is 2.

    Relative paths of DKIM keys count from accounts_dir of the configuration, wherever the files are.
    """
    settings = load_config(config)
    files = list(_files(sources))
    batch = Batch(settings)
    faults: list[str] = []
    with no_collection():
        for path in progress.shown(files, "files", len(files)):
            try:
                batch.add(path, path.read_bytes())
            except ConfigError as error:
                faults.append(str(error))
            except OSError as error:
                faults.append(f"{path}: cannot be read: {error.strerror}")
    if faults:
        raise _refused(faults, len(files))
    with writable(settings) as store:
        written = batch.write(store, dry=dry_run)
    _tell(written, dry_run=dry_run, as_json=as_json)
    if settings.directory == "files":
        click.echo(
            f"the daemons read {settings.accounts_dir} until {config} says `directory: store`",
            err=True,
        )


def _files(sources: tuple[Path, ...]) -> Iterator[Path]:
    for source in sources:
        if source.is_dir():
            yield from account_files(source)
        else:
            yield source


def _refused(faults: list[str], files: int) -> Failure:
    for fault in faults[:NAMED]:
        click.echo(printable(fault), err=True)
    more = f", {len(faults) - NAMED} faults not named here" if len(faults) > NAMED else ""
    return Failure(f"{len(faults)} of {files} files cannot be used{more}; nothing was written", 2)


def _tell(written: Written, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        counts = {"new": written.new, "changed": written.changed, "unchanged": written.unchanged}
        click.echo(json_text({**counts, "written": not dry_run}))
        return
    did = "would be written" if dry_run else "written"
    click.echo(
        f"{written.new + written.changed} accounts {did} ({written.new} new, {written.changed} changed),"
        f" {written.unchanged} unchanged"
    )
