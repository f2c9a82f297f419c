"""`estafeta erase`: a person's address out of everything that is stored.

Status 0: done, or there was nothing to do; 1: not confirmed; 2: it could not be done, or not to the end.
"""

import time
from pathlib import Path

import click

from estafeta_core.config.load import load_config
from estafeta_core.hosting import Shelf
from estafeta_core.store import Store, StoreUnavailable
from estafeta_core.store.erasure import Erased, Erasure, Part
from estafeta_core.store.store import backend
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.stored import opened
from estafeta_postfix.cli.text import json_text, printable

SETTLED = 120.0  # seconds: a file kept later may be that of a message whose rows are being written

_WORDS: dict[Part, str] = {
    "messages": "messages to the address; they count on, for nobody",
    "events": "events of them, without addresses, browsers and words of other hosts",
    "contents": "web versions that the person got",
    "contacts": "contacts",
    "groups": "places in groups",
    "tags": "tags that name the address",
    "texts": "other rows that named the address",
    "suppressions": "entries of suppression lists: the person may be mailed again",
}


@click.command("erase")
@click.argument("address")
@click.option("--account", help="Only in this account.")
@click.option("--forget-suppressions", is_flag=True, help="Also forget that the person is not to be mailed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def command(
    config: Path, *, address: str, account: str | None, forget_suppressions: bool, yes: bool, as_json: bool
) -> None:
    """Erase a person's ADDRESS from the store, in every spelling of the mailbox.

    Messages and what became of them are counted as before, without the person. Entries of suppression lists
    stay, so that the person is not mailed again, unless --forget-suppressions. Postfix's log and queue are
    not touched. It may be repeated.
    """
    local_part, at, domain = address.rpartition("@")
    if not (local_part and at and domain):
        raise Failure(f"{printable(address)}: not an address", 2)
    loaded = load_config(config)
    if not yes and not click.confirm(_question(address, account), err=True):
        raise Failure("nothing was erased", 1)
    with opened(config) as store:
        there = backend(loaded.store, loaded.store_timeout)
        try:
            erased = Erasure(there, address, account).run(forget_suppressions=forget_suppressions)
        except StoreUnavailable as error:
            raise Failure(f"not erased to the end, do it again: {error}", 2) from None
        later = _remove_files(store, Shelf.of(loaded), erased)
    _show(erased, later, as_json=as_json)
    if not erased.purged:
        raise Failure("somebody reads the store all the time, so its WAL still holds old pages: repeat it", 2)


def _question(address: str, account: str | None) -> str:
    where = f"account {account}" if account else "all accounts"
    return f"Erase {printable(address)} in {printable(where)}? This cannot be undone."


def _remove_files(store: Store, shelf: Shelf, erased: Erased) -> int:
    """Remove the web versions that nobody keeps now; return how many have to wait for the next clearing."""
    kept = store.kept_files(erased.digests)
    before = time.time() - SETTLED
    waiting = [digest for digest in erased.digests - kept if shelf.read(digest) is not None]
    return sum(not shelf.remove(digest, before) for digest in waiting)


def _show(erased: Erased, later: int, *, as_json: bool) -> None:
    counts = {part: erased.counts.get(part, 0) for part in _WORDS}
    if as_json:
        click.echo(json_text({"erased": counts, "files_removed_later": later}, indent=2))
        return
    for part, number in counts.items():
        if number:
            click.echo(f"{number:8} {_WORDS[part]}")
    if not any(counts.values()):
        click.echo("nothing was found")
    if later:
        click.echo(f"{later:8} files of web versions were sent just now, and go within a day")
