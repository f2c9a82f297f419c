"""`estafeta webhook`: whereto events are posted, by an operator; accounts have `/api/v1/webhooks`."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import click

from estafeta_core import events, json_strict
from estafeta_core.config.load import load_config
from estafeta_core.events import iso_time
from estafeta_core.store import Store
from estafeta_core.store.outgoing_rows import Batch, Webhook, WebhookRemoved
from estafeta_core.webhooks import form, signature
from estafeta_core.webhooks.delivery import Delivery
from estafeta_core.webhooks.form import FormError
from estafeta_core.webhooks.guard import Guard, Refused
from estafeta_core.webhooks.poster import Answer, Poster, Unreachable
from estafeta_core.webhooks.replay import replay as replay_events
from estafeta_postfix.cli import listing
from estafeta_postfix.cli.account_files import Accounts
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.stored import opened
from estafeta_postfix.cli.text import Moment, json_text, local_time, printable

HEAD = ("CREATED", "WEBHOOK", "ACCOUNT", "NAME", "TARGET", "ACTIVE", "WAITING", "LAST TAKEN", "LAST FAILED")
BATCH_HEAD = ("TRIED", "BATCH", "EVENTS", "STATE", "ATTEMPTS", "ANSWER", "MS", "FAILURE")
# What a webhook gets unless told otherwise: all that SparkPost's have.
EVERY_TYPE = tuple(sorted(set(events.ADDITIONAL) - {events.WARNING}))

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group("webhook")
def command() -> None:
    """Have events posted to a URL, and see what becomes of it."""


@command.command("list")
@listing.options
@click.pass_obj
def list_(config: Path, *, account: str | None, limit: int, as_json: bool) -> None:
    """List webhooks, the newest last, with the number of events that wait for each."""
    with opened(config) as store:
        found = sorted(store.webhooks(account), key=lambda each: -each.created)[:limit]
        waiting = {each.webhook_id: store.backlog(each.webhook_id).events for each in found}
    listing.show(
        found,
        HEAD,
        lambda each: _words(each, waiting[each.webhook_id]),
        lambda each: _as_object(each, waiting[each.webhook_id]),
        as_json=as_json,
    )


@command.command("create")
@click.option("--account", required=True, help="Whose events are posted.")
@click.option("--target", required=True, help="The URL that takes them.")
@click.option("--name", default="webhook", show_default=True, help="What it is called in lists.")
@click.option(
    "--event", "types", multiple=True, help="Only these types; may be repeated. Default: all of SparkPost's."
)
@click.option(
    "--fields",
    "file",
    type=click.File("r"),
    default=None,
    help="A file (- for standard input): a JSON object with more fields, as POST /api/v1/webhooks has them.",
)
@click.option(
    "--signature",
    "style",
    type=click.Choice(form.SIGNATURES),
    default="standard",
    show_default=True,
    help="emitlo: Emitlo's header fields as well, and one event in a post.",
)
@_json
@click.pass_obj
def create(
    config: Path,
    *,
    account: str,
    target: str,
    name: str,
    types: tuple[str, ...],
    style: str,
    file: TextIO | None,
    as_json: bool,
) -> None:
    """Make a webhook, once its receiver has answered; the secret is shown here and never again."""
    fields: dict[str, Any] = {
        "name": name,
        "target": target,
        "events": list(types or EVERY_TYPE),
        "signature": style,
        **_read(file),
    }
    found = Accounts.read(config, None).around(account).accounts.get(account)
    if found is None or not found.credentials:
        raise Failure(f"{printable(account)}: no such account, or one without credentials")
    with opened(config) as store, _told():
        webhook = form.made(_blank(account), fields)
        _ping(config, webhook)
        store.record([webhook])
    if as_json:
        click.echo(json_text(_as_object(webhook, 0) | {"secret": webhook.secret}, indent=2))
        return
    click.echo(f"webhook {webhook.webhook_id}\nsecret  {webhook.secret}")


@command.command("show")
@click.argument("webhook_id", metavar="WEBHOOK")
@_json
@click.pass_obj
def show(config: Path, *, webhook_id: str, as_json: bool) -> None:
    """Show a webhook; what is secret in it is masked."""
    with opened(config) as store:
        webhook = _found(store, webhook_id)
        told = _as_object(webhook, store.backlog(webhook_id).events)
    if as_json:
        click.echo(json_text(told, indent=2))
        return
    for name, value in told.items():
        click.echo(f"{name:22} {printable(value if isinstance(value, str) else json_text(value))}")


@command.command("test")
@click.argument("webhook_id", metavar="WEBHOOK")
@click.pass_obj
def test(config: Path, *, webhook_id: str) -> None:
    """Post an empty batch and say what the receiver answered."""
    with opened(config) as store:
        webhook = _found(store, webhook_id)
    with _told():
        answer = _ping(config, webhook)
    click.echo(f"{answer.status}: the receiver takes batches")


@command.command("delete")
@click.argument("webhook_id", metavar="WEBHOOK")
@click.pass_obj
def delete(config: Path, *, webhook_id: str) -> None:
    """Remove a webhook, and what waits for it."""
    with opened(config) as store:
        webhook = _found(store, webhook_id)
        waiting = store.backlog(webhook_id).events
        store.record([WebhookRemoved(webhook.webhook_id)])
    click.echo(f"webhook {webhook_id} is removed; {waiting} events were waiting for it")


@command.command("replay")
@click.argument("webhook_id", metavar="WEBHOOK")
@click.option("--since", type=Moment(), default=None, help="Not before: 2026-11-20T13:00, or 2h (ago).")
@click.option("--until", type=Moment(), default=None, help="Before this time.")
@click.option("--transmission", default="", metavar="ID", help="A transmission, message or queue id.")
@click.pass_obj
def replay(config: Path, *, webhook_id: str, since: int | None, until: int | None, transmission: str) -> None:
    """Have events posted again, those of a time or of one transmission, with the ids they had."""
    if since is None and not transmission:
        raise Failure("say which events: --since TIME or --transmission ID")
    times = {"since": since, "until": until}
    with opened(config) as store, _told():
        webhook = _found(store, webhook_id)
        bounds = {name: moment for name, moment in times.items() if moment is not None}
        count = replay_events(store, webhook, transmission=transmission, **bounds)
    click.echo(f"{count} events are posted again")


@command.command("batches")
@click.argument("webhook_id", metavar="WEBHOOK")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="The last so many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, times in UTC.")
@click.pass_obj
def batches(config: Path, *, webhook_id: str, limit: int, as_json: bool) -> None:
    """List the batches of the last day and those that wait, the one tried last at the end."""
    with opened(config) as store:
        _found(store, webhook_id)
        found = store.batches(webhook_id, limit)
    listing.show(found, BATCH_HEAD, _batch_words, _batch_object, as_json=as_json)


def _found(store: Store, webhook_id: str) -> Webhook:
    webhook = store.webhook(webhook_id)
    if webhook is None:
        raise Failure(f"{printable(webhook_id)}: no such webhook", 1)
    return webhook


@contextmanager
def _told() -> Iterator[None]:
    """Turn a field that cannot be taken, or a receiver that cannot be reached, into one line."""
    try:
        yield
    except FormError as error:
        raise Failure(str(error)) from None
    except (Refused, Unreachable) as error:
        raise Failure(f"target: {error}", 1) from None


def _ping(config: Path, webhook: Webhook) -> Answer:
    """Return what the receiver answers to an empty batch; Failure where it does not take it."""
    guard = Guard.from_config(load_config(config).webhooks)
    answer = asyncio.run(Delivery(Poster(guard)).ping(webhook))
    if not answer.taken:
        raise Failure(f"target: the receiver answered {answer.status}", 1)
    return answer


def _blank(account: str) -> Webhook:
    now = time.time_ns() // 1_000_000
    secret = signature.new_secret()
    return Webhook(str(uuid.uuid4()), account, None, "", "", True, (), (), {}, secret, now)


def _read(file: TextIO | None) -> dict[str, Any]:
    """Return the fields in a file: what is secret in them is on no command line, where all users see it."""
    if file is None:
        return {}
    try:
        fields = json_strict.loads(file.read())
    except json_strict.JsonError as error:
        raise Failure(f"--fields: {error}") from None
    if not isinstance(fields, dict):
        raise Failure("--fields: an object is needed")
    return fields


def _words(webhook: Webhook, waiting: int) -> tuple[str, ...]:
    return (
        local_time(webhook.created),
        webhook.webhook_id,
        webhook.account,
        webhook.name,
        webhook.target,
        "yes" if webhook.active else "no",
        str(waiting),
        local_time(webhook.last_successful) if webhook.last_successful else "-",
        local_time(webhook.last_failure) if webhook.last_failure else "-",
    )


def _as_object(webhook: Webhook, waiting: int) -> dict[str, Any]:
    last = {"last_successful": webhook.last_successful, "last_failure": webhook.last_failure}
    return {
        "id": webhook.webhook_id,
        "account": webhook.account,
        "created": iso_time(webhook.created),
        **form.shown(webhook),
        "waiting": waiting,
        **{name: iso_time(moment) for name, moment in last.items() if moment is not None},
    }


def _batch_words(batch: Batch) -> tuple[str, ...]:
    return (
        local_time(batch.tried or batch.created),
        str(batch.batch_id),
        str(len(batch.event_ids)),
        batch.state,
        str(batch.attempts),
        str(batch.response_code or "-"),
        str(batch.latency),
        batch.failure or "-",
    )


def _batch_object(batch: Batch) -> dict[str, Any]:
    return {
        "batch_id": str(batch.batch_id),
        "batch_size": len(batch.event_ids),
        "ts": iso_time(batch.tried or batch.created),
        "state": batch.state,
        "attempts": batch.attempts,
        "response_code": batch.response_code,
        "latency": batch.latency,
        "failure": batch.failure,
    }
