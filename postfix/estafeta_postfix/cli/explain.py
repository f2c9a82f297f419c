"""`estafeta explain MESSAGE`: what would become of a message, and every copy of it, without sending it.

Exit status 1 where the client would be refused; the page says whether for good.
"""

import contextlib
import ipaddress
import logging
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import click

from estafeta_core.config.live import Live
from estafeta_core.config.schema import Config
from estafeta_core.directory import Credential, Directory
from estafeta_core.identity import Identity
from estafeta_core.store import StoreUnavailable
from estafeta_core.tokens import read_keys
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.text import json_text, printable
from estafeta_postfix.explain.asked import Asked, address_of, listener_of
from estafeta_postfix.explain.document import document
from estafeta_postfix.explain.explanation import Explanation, explain
from estafeta_postfix.explain.known import open_known
from estafeta_postfix.explain.page import page


class _Address(click.ParamType[str]):
    """What stands between the angle brackets of MAIL FROM or RCPT TO."""

    name = "ADDRESS"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address without brackets; whether it may be used is what the server is asked."""
        address = value[1:-1] if value.startswith("<") and value.endswith(">") else value
        if not address.isprintable() or any(sign in address for sign in ' <>"'):
            self.fail(f"{value!r}: give an address without name, blanks and quotes", param, ctx)
        return address


class _Ip(click.ParamType[str]):
    """An IP address."""

    name = "IP"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address in its usual spelling."""
        try:
            return str(ipaddress.ip_address(value))
        except ValueError:
            self.fail(f"{value!r} is no IP address", param, ctx)


@click.command("explain")
@click.argument("message", type=click.File("rb"))
@click.option("--credential", required=True, metavar="ACCOUNT/NAME[/SUBACCOUNT]", help="Who sends it.")
@click.option("--from", "sender", required=True, type=_Address(), help="MAIL FROM; <> for none.")
@click.option(
    "--to", "recipients", required=True, multiple=True, type=_Address(), help="RCPT TO; again for more."
)
@click.option(
    "--listener", metavar="NAME", help="Where it is sent; else the first that speaks the account's dialect."
)
@click.option(
    "--client-address", type=_Ip(), help="From where; else an address that the credential may have."
)
@click.option("--no-tls", is_flag=True, help="Without STARTTLS.")
@click.option(
    "--config", "other", type=click.Path(path_type=Path, dir_okay=False), help="As for `estafeta` itself."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: every copy in full.")
@click.option("--body", is_flag=True, help="Print bodies as they leave.")
@click.option("--all", "every", is_flag=True, help="Print every copy in full, not the first of each kind.")
@click.pass_obj
def command(
    config: Path,
    *,
    message: BinaryIO,
    credential: str,
    sender: str,
    recipients: tuple[str, ...],
    listener: str | None,
    client_address: str | None,
    no_tls: bool,
    other: Path | None,
    as_json: bool,
    body: bool,
    every: bool,
) -> None:
    """Show what would become of MESSAGE, a file as a mail program saves it, or - for standard input.

    Every reply, what was decided, and each copy field by field. Nothing is sent, counted or stored.
    """
    logging.getLogger().addHandler(logging.NullHandler())  # what daemons log, the page says
    live = Live(other or config)
    click.get_current_context().call_on_close(live.close)
    settings, directory = live.current.config, live.current.directory
    identity, who = _credential(directory, credential)
    name = _listener(settings, listener, who)
    tls = settings.listeners[name].tls
    if no_tls and tls == "implicit":
        raise Failure(f"{printable(name)} begins with TLS: nobody reaches it without")
    asked = Asked(
        identity=identity,
        listener=name,
        client_address=client_address or address_of(who),
        secured=tls != "none" and not no_tls,
        sender=sender,
        recipients=recipients,
        raw=message.read(),
    )
    explanation = _explained(live, asked, as_json=as_json, body=body, every=every)
    sys.exit(0 if explanation.outcome == "accepted" else 1)


def _explained(live: Live, asked: Asked, *, as_json: bool, body: bool, every: bool) -> Explanation:
    settings = live.current.config
    try:
        read_keys(settings.signing_keys)
    except (OSError, ValueError) as error:
        raise Failure(f"a signing key cannot be used: {error}") from None
    try:
        with contextlib.closing(open_known(settings.store)) as store:
            explanation = explain(live, store, asked, lambda: datetime.now(UTC).astimezone())
        if as_json:
            click.echo(json_text(document(explanation), indent=2))
        else:
            for line in page(explanation, width=_width(), body=body, every=every):
                click.echo(line)
    except StoreUnavailable as error:
        raise Failure(f"the store cannot be read: {error}") from None
    return explanation


def _width() -> int:
    """Return how wide the terminal is; what goes into a file or a pipe is not cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize


def _credential(directory: Directory, text: str) -> tuple[Identity, Credential]:
    try:
        identity = Identity.parse(text)
    except ValueError as error:
        raise Failure(printable(str(error))) from None
    found = directory.credential(identity)
    if found is None:
        raise Failure(
            f"{printable(identity.credential_id)}: there is no such credential (`estafeta key list`)"
        )
    return identity, found


def _listener(config: Config, name: str | None, who: Credential) -> str:
    dialect = who.account.dialect
    chosen = name or listener_of(config, dialect)
    if chosen is None:
        raise Failure(f"no listener speaks {dialect}")
    if chosen not in config.listeners:
        known = ", ".join(config.listeners)
        raise Failure(f"{printable(chosen)}: there is no such listener; there are {known}")
    if dialect not in config.listeners[chosen].dialects:
        raise Failure(f"{chosen} does not speak {dialect}, so {who.id} cannot log in there")
    return chosen
