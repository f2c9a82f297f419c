"""Two workers on one store in PostgreSQL: each event is posted once, whoever dies, stops or freezes."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from estafeta_core.store import Lease, Store, open_store
from estafeta_core.store.outgoing_rows import Webhook
from estafeta_core.store.rows import Event, LeaseReleased, LeaseTaken
from estafeta_core.webhooks.signature import new_secret
from estafeta_postfix.on_duty import Hired, OnDuty
from estafeta_testing.postgresql import Cluster
from estafeta_testing.receiver import Receiver, receiving
from estafeta_testing.stored import make_rows
from estafeta_testing.worker import worker

SECONDS = 3.0  # of the lease


def wait(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def holder(store: Store) -> str:
    found = store.lease("worker")
    return found[0] if found is not None and found[1] > 0 else ""


class Hosts:
    """Two hosts' configurations, one store, a webhook."""

    def __init__(self, folder: Path, store: Store, url: str, receiver: Receiver) -> None:
        self.store = store
        self.receiver = receiver
        self._folder = folder
        self._url = url
        given = {"active": True, "events": ("injection",), "settings": {}, "exceptions": ()}
        made = Webhook(
            "w",
            "acme",
            None,
            "a",
            receiver.url,
            secret=new_secret(),
            created=1,
            **given,  # type: ignore[arg-type]
        )
        store.record([made])

    def config(self, node: str) -> Path:
        """Return the configuration of a host."""
        folder = self._folder / node
        (folder / "accounts.d").mkdir(parents=True)
        (folder / "link.key").write_text("k" * 64)
        path = folder / "estafeta.yaml"
        path.write_text(
            "hostname: mx.example.com\nbase_url: http://localhost\nbounce_domain: bounce.example.com\n"
            "listeners: {a: {dialects: [sparkpost], port: 587}}\nsigning_keys: [link.key]\n"
            f"store: {self._url!r}\nmaillog: mail.log\nrun_dir: .\nstate_dir: .\nnode: {node}\n"
            "webhooks: {batch_seconds: 0.1, allow_networks: [127.0.0.0/8]}\n"
        )
        return path

    def post(self, count: int) -> set[str]:
        """Have events happen, and wait until they have been posted; return their ids."""
        ids = set()
        for _ in range(count):
            rows = make_rows()
            self.store.record(rows)
            ids |= {str(row.event_id) for row in rows if isinstance(row, Event)}
        wait(lambda: not self.store.backlog("w").events, "all are posted, and known to be")
        assert ids <= set(self.receiver.event_ids)
        return ids


@pytest.fixture
def hosts(tmp_path: Path, cluster: Cluster) -> Iterator[Hosts]:
    with (
        cluster.store() as url,
        contextlib.closing(open_store(url)) as store,
        receiving() as receiver,
    ):
        yield Hosts(tmp_path, store, url, receiver)


@pytest.mark.release
def test_a_copied_machine_that_has_the_name_of_another_one_does_not_read_from_its_place(hosts: Hosts) -> None:
    first = hosts.config("one")
    copied = hosts.config("copy")
    copied.write_text(copied.read_text().replace("node: copy", "node: one"))
    with worker(first, SECONDS) as here:
        wait(lambda: holder(hosts.store) == "one", "the first is on duty")
        with worker(copied, SECONDS) as second:
            assert second.wait(60) == 1
        assert here.poll() is None


def test_each_event_is_posted_once_and_the_other_host_takes_over_in_every_case(hosts: Hosts) -> None:
    configs = {node: hosts.config(node) for node in ("one", "two")}
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(worker(configs["one"], SECONDS))
        wait(lambda: holder(hosts.store) == "one", "the first is on duty")
        two = stack.enter_context(worker(configs["two"], SECONDS))
        hosts.post(20)

        one.send_signal(signal.SIGKILL)
        wait(lambda: holder(hosts.store) == "two", "the second takes over when the lease is over")
        hosts.post(20)

        three = stack.enter_context(worker(configs["one"], SECONDS))
        hosts.post(20)
        two.send_signal(signal.SIGSTOP)
        wait(lambda: holder(hosts.store) == "one", "who stands still loses it")
        hosts.post(20)
        two.send_signal(signal.SIGCONT)
        hosts.post(40)

        three.terminate()
        assert three.wait(20) == 0
        wait(lambda: holder(hosts.store) == "two", "the second has it again")
        hosts.post(20)
    posted = hosts.receiver.event_ids
    assert len(posted) == len(set(posted)) == 140


class Work:
    """A job that says what is done with it."""

    def __init__(self, said: list[str]) -> None:
        self._said = said

    def start(self) -> None:
        """Begin."""
        self._said.append("start")

    def stop(self, timeout: float) -> None:
        """End."""
        self._said.append(f"stop {timeout:g}")


def test_jobs_run_while_the_lease_is_held_and_it_is_released_after_they_have_stopped(tmp_path: Path) -> None:
    said: list[str] = []
    with contextlib.closing(open_store(f"sqlite:///{tmp_path}/estafeta.db")) as store:
        other = Lease(store, "worker", "other", 60)
        assert other.take()
        duty = OnDuty(Lease(store, "worker", "here", 60), lambda: [Hired(Work(said), 3)])
        duty.start()
        time.sleep(0.2)
        assert said == []
        other.release()
        wait(lambda: said == ["start"], "it has begun")
        assert holder(store) == "here"
        duty.stop(20)
        assert said == ["start", "stop 3"]
        assert holder(store) == ""
        assert other.take()


def test_a_lost_lease_stops_the_jobs_and_new_ones_begin_with_the_next(tmp_path: Path) -> None:
    said: list[str] = []
    slept = [0.0]  # seconds
    with contextlib.closing(open_store(f"sqlite:///{tmp_path}/estafeta.db")) as store:
        lease = Lease(store, "worker", "here", 60, lambda: time.monotonic() + slept[0])
        duty = OnDuty(lease, lambda: [Hired(Work(said), 3)])
        duty.start()
        wait(lambda: said == ["start"], "it has begun")
        store.record([LeaseReleased("worker", "here")])
        store.record([LeaseTaken("worker", "other", 1500)])
        slept[0] = 100.0
        wait(lambda: said == ["start", "stop 3"], "it has stopped")
        wait(lambda: said == ["start", "stop 3", "start"], "it begins again")
        duty.stop(20)
