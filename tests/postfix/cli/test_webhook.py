"""`estafeta webhook`, against a receiver on loopback."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from estafeta_core import secrets
from estafeta_core.store import Store, open_store
from estafeta_core.store.outgoing_rows import Batch, BatchTried
from estafeta_postfix.cli.webhook import EVERY_TYPE
from estafeta_testing.receiver import Receiver, answering, receiving

Run = Callable[..., Result]


@pytest.fixture
def ready(filled: Path) -> Path:
    """A store with events, the account acme, and leave to post to loopback."""
    with filled.open("a") as file:
        file.write("webhooks: {allow_networks: [127.0.0.0/8]}\n")
    key = secrets.hash_key(secrets.generate_key())
    account = f"account: acme\ndialect: sparkpost\ncredentials: {{main: {{key: '{key}'}}}}\n"
    (filled.parent / "accounts.d" / "acme.yaml").write_text(account)
    return filled


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@contextlib.contextmanager
def opened(config: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(f"sqlite:///{config.parent}/estafeta.db")) as store:
        yield store


def create(run: Run, receiver: Receiver, *more: str) -> dict[str, Any]:
    done = run("webhook", "create", "--account", "acme", "--target", receiver.url, "--json", *more)
    assert done.exit_code == 0, done.output
    made: dict[str, Any] = json.loads(done.output)
    return made


def test_a_webhook_is_made_after_a_ping_and_listed_without_its_secret(
    run: Run, ready: Path, receiver: Receiver
) -> None:
    made = create(run, receiver)
    assert made["secret"].startswith("whsec_")
    assert receiver.posts[0].body == b'[{"msys":{}}]'
    assert made["events"] == list(EVERY_TYPE)
    assert "warning" not in EVERY_TYPE
    listed = run("webhook", "list", "--json", "--account", "acme").output
    assert json.loads(listed)["id"] == made["id"]
    assert made["secret"] not in listed
    head, row = run("webhook", "list").output.splitlines()
    assert head.split()[:4] == ["CREATED", "WEBHOOK", "ACCOUNT", "NAME"]
    assert made["id"] in row
    assert run("webhook", "list", "--account", "other", "--json").output == ""


def test_more_fields_come_from_a_file_and_not_from_the_command_line(
    run: Run, ready: Path, receiver: Receiver, tmp_path: Path
) -> None:
    fields = {"auth_type": "basic", "auth_credentials": {"username": "u", "password": "p"}}
    (tmp_path / "fields.json").write_text(json.dumps(fields))
    made = create(
        run, receiver, "--event", "click", "--signature", "emitlo", "--fields", str(tmp_path / "fields.json")
    )
    assert (made["events"], made["signature"], made["auth_credentials"]["password"]) == (
        ["click"],
        "emitlo",
        "********",
    )
    assert receiver.posts[0].headers["authorization"] == "Basic dTpw"
    for text in ("[]", "{"):
        (tmp_path / "fields.json").write_text(text)
        done = run(
            "webhook",
            "create",
            "--account",
            "acme",
            "--target",
            "x",
            "--fields",
            str(tmp_path / "fields.json"),
        )
        assert "--fields" in str(done.exception)


def test_a_person_is_shown_id_and_secret(run: Run, ready: Path, receiver: Receiver) -> None:
    first, second = run(
        "webhook", "create", "--account", "acme", "--target", receiver.url
    ).output.splitlines()
    webhook_id = first.split()[1]
    assert second.split()[1].startswith("whsec_")
    shown = run("webhook", "show", webhook_id).output
    assert "target" in shown
    assert "whsec_" not in shown
    assert json.loads(run("webhook", "show", webhook_id, "--json").output)["waiting"] == 0


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--account", "nobody", "--target", "http://a/"), "no such account"),
        (("--account", "acme", "--target", "http://10.0.0.1/"), "not a public one"),
        (("--account", "acme", "--target", "http://nobody.invalid/"), "cannot be resolved"),
        (("--account", "acme", "--target", "http://a/", "--event", "sent"), "'sent' is no type of event"),
    ],
)
def test_what_cannot_be_made_is_told(run: Run, ready: Path, options: tuple[str, ...], why: str) -> None:
    done = run("webhook", "create", *options)
    assert why in str(done.exception)
    with opened(ready) as store:
        assert store.webhooks() == []


def test_a_receiver_is_tested(run: Run, ready: Path, receiver: Receiver) -> None:
    made = create(run, receiver)
    assert run("webhook", "test", made["id"]).output == "200: the receiver takes batches\n"
    receiver.behave = answering(500)
    assert "answered 500" in str(run("webhook", "test", made["id"]).exception)


def test_events_are_replayed(run: Run, ready: Path, receiver: Receiver) -> None:
    webhook_id = create(run, receiver)["id"]
    assert (
        run("webhook", "replay", webhook_id, "--transmission", "4jQueue100").output
        == "6 events are posted again\n"
    )
    done = run("webhook", "replay", webhook_id, "--since", "2026-11-20T13:52:36+00:00")
    assert done.output == "2 events are posted again\n"
    with opened(ready) as store:
        assert store.outbox(webhook_id, 10) == (1, 2, 3, 4, 5, 6)
    assert "say which events" in str(run("webhook", "replay", webhook_id).exception)
    assert "no such transmission" in str(
        run("webhook", "replay", webhook_id, "--transmission", "4jQueue200").exception
    )


def test_batches_are_listed_with_what_became_of_them(run: Run, ready: Path, receiver: Receiver) -> None:
    webhook_id = create(run, receiver)["id"]
    with opened(ready) as store:
        store.record([Batch(1, webhook_id, (1, 2), 1), Batch(2, webhook_id, (3,), 1)])
        store.record([BatchTried(1, "delivered", 0, 1_795_182_755_174, 12, 200, "")])
        store.record([BatchTried(2, "waiting", 0, 1_795_182_756_174, 10_000, None, "no answer in 10 s")])
    first, second = map(json.loads, run("webhook", "batches", webhook_id, "--json").output.splitlines())
    assert (first["batch_id"], first["batch_size"], first["state"], first["response_code"]) == (
        "1",
        2,
        "delivered",
        200,
    )
    assert (second["failure"], second["ts"]) == ("no answer in 10 s", "2026-11-20T13:52:36.174Z")
    assert "no answer in 10 s" in run("webhook", "batches", webhook_id).output


def test_a_webhook_is_removed_with_what_waits(run: Run, ready: Path, receiver: Receiver) -> None:
    webhook_id = create(run, receiver)["id"]
    run("webhook", "replay", webhook_id, "--transmission", "100")
    assert "6 events were waiting" in run("webhook", "delete", webhook_id).output
    for command in ("show", "test", "delete", "batches"):
        done = run("webhook", command, webhook_id)
        assert "no such webhook" in str(done.exception)
    assert "no such webhook" in str(run("webhook", "replay", webhook_id, "--since", "2h").exception)
