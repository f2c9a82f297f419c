"""`estafeta export`: accounts out of the store, byte for byte as they were put there."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from estafeta_core.identity import NAME
from estafeta_core.store.accounts import KeptText
from estafeta_postfix import files
from estafeta_postfix.cli import progress
from estafeta_postfix.cli.account_files import MODE, explained
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.stored import opened
from estafeta_postfix.cli.text import json_text


@click.command("export")
@click.argument("target", metavar="DIR|ACCOUNT")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def command(config: Path, *, target: str, as_json: bool) -> None:
    """Write every account of the store into DIR, as ACCOUNT.yaml, or one ACCOUNT to standard output.

    A name with a slash is a folder, made where there is none, and so is a folder that is there. A file that
    is there gets the text of the store; files of accounts that the store does not have stay, and are named.
    """
    if "/" in target or Path(target).is_dir() or NAME.fullmatch(target) is None:
        _export_all(config, Path(target), as_json=as_json)
    else:
        _export_one(config, target, as_json=as_json)


def _export_one(config: Path, account: str, *, as_json: bool) -> None:
    with opened(config) as store:
        kept = store.account_text(account)
    if kept is None or kept.text is None:
        raise Failure(f"there is no account {account} in the store (a folder to export all: ./{account})", 1)
    if as_json:
        click.echo(json_text({"account": account, "text": kept.text.decode("utf-8", "replace")}))
    else:
        sys.stdout.buffer.write(kept.text)


def _export_all(config: Path, folder: Path, *, as_json: bool) -> None:
    written = unchanged = 0
    names: set[str] = set()
    with explained(), opened(config) as store:
        folder.mkdir(parents=True, exist_ok=True)
        for kept in progress.shown(_there(store.account_texts()), "accounts"):
            new = files.write_bytes(folder / f"{kept.account}.yaml", kept.text or b"", MODE)
            written, unchanged = written + new, unchanged + (not new)
            names.add(f"{kept.account}.yaml")
        others = sorted(path.name for path in folder.glob("*.yaml") if path.name not in names)
    if as_json:
        click.echo(
            json_text({"folder": str(folder), "written": written, "unchanged": unchanged, "others": others})
        )
        return
    click.echo(f"{written} files written into {folder}, {unchanged} unchanged")
    if others:
        click.echo(f"{len(others)} files there are of no account in the store: {' '.join(others)}", err=True)


def _there(texts: Iterator[KeptText]) -> Iterator[KeptText]:
    return (kept for kept in texts if kept.text is not None)
