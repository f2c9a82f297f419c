"""What is done to the machines, one after the other, and how long it takes until all goes on."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from estafeta_chaos.killer import Kill, Processes
from estafeta_hosts.load import Load
from estafeta_hosts.stage import Host, Stage, until

BETWEEN = 30  # messages that are accepted before the next fault begins
BACK = 120.0  # seconds until something is back, on a busy machine
LEASE = 90.0  # seconds until another host is on duty: 30, and what a busy machine takes
SHORT = 5.0  # seconds that a server is away
FORGOTTEN = 120.0  # seconds until PostgreSQL ends connections of a host that is gone: 60, and patience
LONG = 40.0  # seconds that PostgreSQL is cut off: longer than store_timeout


@dataclass(slots=True)
class Outcome:
    """What one fault did."""

    name: str
    began: float  # seconds since the epoch, as all times here
    lifted: float
    back: float  # seconds from then until all went on
    gap: float  # the longest time in which no message was accepted, until it was back
    refused: int  # attempts that were put off meanwhile
    broken: int  # and connections that were lost
    on_duty: float | None = None  # seconds from its beginning until another host's worker was on duty
    forgotten: float | None = None  # seconds from its beginning until PostgreSQL had ended its connections
    slowest: float = 0.0  # seconds that a client waited for the reply to one attempt

    def line(self) -> str:
        """Return what people want to know."""
        duty = "" if self.on_duty is None else f", another on duty after {self.on_duty:.1f} s"
        return (
            f"{self.lifted - self.began:.1f} s, back after {self.back:.1f} s; nothing accepted for"
            f" {self.gap:.1f} s, {self.refused} put off, {self.broken} lost connections, slowest attempt"
            f" {self.slowest:.1f} s{duty}"
        )


@dataclass(slots=True)
class Faults:
    """The machines, what goes through them, and what was done to them."""

    stage: Stage
    load: Load
    say: Callable[[str], None]
    kills: list[Kill] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    # What is asked while a host is away, or with None PostgreSQL
    during: Callable[[Host | None], None] = lambda host: None

    def plan(self, chance: random.Random) -> list[Callable[[], None]]:
        """Return every fault, in an order made by chance."""
        hosts = list(self.stage.hosts.values())
        every: list[Callable[[], None]] = [
            *(partial(self.cut_off, host) for host in hosts),
            *(partial(self.killed, host) for host in hosts),
            partial(self.without_power, chance.choice(hosts)),
            partial(self.drained, chance.choice(hosts)),
            self.redis_killed,
            self.redis_cut_off,
            self.database_killed,
            self.database_stopped,
            self.database_cut_off,
        ]
        chance.shuffle(every)
        return every

    def cut_off(self, host: Host) -> None:
        """Pull the cable of a host."""

        def begin() -> None:
            self._note(host, only=("smtp",))
            self.stage.network.cut(host.name)

        self._host(f"{host.name} is cut off", host, begin, lambda: self.stage.network.mend(host.name))

    def killed(self, host: Host) -> None:
        """Kill everything on a host, and start it again."""

        def begin() -> None:
            self._note(host)
            host.kill()

        def end() -> None:
            host.begin()
            host.wait()

        self._host(f"{host.name} is killed", host, begin, end)

    def without_power(self, host: Host) -> None:
        """Pull the plug of a host: it says no farewell, and PostgreSQL ends its connections all the same."""

        forgotten: list[float] = []

        def begin() -> None:
            self._note(host)
            self.stage.network.cut(host.name)
            host.kill()

        def end() -> None:
            until(lambda: not self.stage.connections(host), FORGOTTEN, "PostgreSQL forgets the host")
            forgotten.append(time.time())
            self.stage.network.mend(host.name)
            host.begin()
            host.wait()

        self._host(f"{host.name} loses its power", host, begin, end)
        self.outcomes[-1].forgotten = forgotten[0] - self.outcomes[-1].began

    def drained(self, host: Host) -> None:
        """Take a host out as docs/hosts.md says, and put it in again: nobody is to notice."""

        def begin() -> None:
            self.stage.tell_servers(host, "drain")
            until(lambda: not self.stage.sessions(host), BACK, "sessions end")
            until(lambda: not host.relay.queue(), BACK, "its queue is empty")
            time.sleep(1.0)  # ten of the worker's looks at the log
            until(lambda: self.stage.has_read(host), BACK, "its worker has read its log")
            host.stop()

        def end() -> None:
            host.begin()
            host.wait()
            self.stage.tell_servers(host, "ready")

        self._host(f"{host.name} is taken out", host, begin, end)

    def redis_killed(self) -> None:
        """Kill Redis."""
        redis = self.stage.redis
        self._server("Redis is killed", redis.kill, self.stage.begin_redis, self._redis_used)

    def redis_cut_off(self) -> None:
        """Pull the cable of Redis."""
        network = self.stage.network
        self._server(
            "Redis is cut off",
            lambda: network.cut("redis"),
            lambda: network.mend("redis"),
            self._redis_used,
        )

    def database_killed(self) -> None:
        """Kill PostgreSQL."""
        cluster = self.stage.cluster
        self._server(
            "PostgreSQL is killed", cluster.kill, self.stage.begin_database, self._accepted_everywhere
        )

    def database_stopped(self) -> None:
        """Stop PostgreSQL as for an upgrade."""
        cluster = self.stage.cluster
        self._server(
            "PostgreSQL is stopped", cluster.stop, self.stage.begin_database, self._accepted_everywhere
        )

    def database_cut_off(self) -> None:
        """Pull the cable of PostgreSQL."""
        network = self.stage.network

        def away() -> None:
            over = time.monotonic() + LONG
            self.during(None)
            time.sleep(max(0.0, over - time.monotonic()))

        self._fault(
            "PostgreSQL is cut off",
            lambda: network.cut("postgresql"),
            away,
            lambda: network.mend("postgresql"),
            self._accepted_everywhere,
        )

    def _host(self, name: str, host: Host, begin: Callable[[], None], end: Callable[[], None]) -> None:
        duty: list[float] = []

        def away() -> None:
            until(lambda: self.stage.on_duty() not in ("", host.name), LEASE, "another host is on duty")
            duty.append(time.time())
            self.during(host)

        self._put_on_duty(host)
        self._fault(name, begin, away, end, lambda since: self._serving([host], since))
        self.outcomes[-1].on_duty = duty[0] - self.outcomes[-1].began

    def _put_on_duty(self, host: Host) -> None:
        """Have a host's worker do what one does at a time: the one that does is stopped, and begins anew."""
        while (on_duty := self.stage.on_duty()) != host.name:
            if on_duty:
                for pid in Processes(self.stage.hosts[on_duty].relay).living().get("worker", []):
                    os.kill(pid, signal.SIGTERM)
            time.sleep(2.0)

    def _server(
        self,
        name: str,
        begin: Callable[[], None],
        end: Callable[[], None],
        back: Callable[[float], None],
    ) -> None:
        self._fault(name, begin, lambda: time.sleep(SHORT), end, back)

    def _fault(
        self,
        name: str,
        begin: Callable[[], None],
        away: Callable[[], None],
        end: Callable[[], None],
        back: Callable[[float], None],
    ) -> None:
        self.load.wait_for(BETWEEN, BACK)
        self.say(name)
        began = time.time()
        begin()
        away()
        end()
        lifted = time.time()
        back(lifted)
        over = time.time()
        attempts = [each for each in list(self.load.history) if began <= each.ended <= over]
        self.outcomes.append(
            Outcome(
                name,
                began,
                lifted,
                over - lifted,
                self.load.longest_gap(began, over),
                sum(each.verdict == "refused" for each in attempts),
                sum(each.verdict in ("dropped", "ambiguous") for each in attempts),
                slowest=max((each.ended - each.began for each in attempts), default=0.0),
            )
        )
        self.say(f"    {self.outcomes[-1].line()}")

    def _accepted_everywhere(self, since: float) -> None:
        self._serving(list(self.stage.hosts.values()), since)

    def _serving(self, hosts: Sequence[Host], since: float) -> None:
        """Wait until each of these hosts has taken a message that was accepted after `since`."""
        for host in hosts:
            until(partial(self._has_accepted, host, since), BACK, f"{host.name} takes mail again")

    def _has_accepted(self, host: Host, since: float) -> bool:
        """Whether a host has accepted a message that a client began after `since`: its name is in the log."""
        log = host.relay.maillog.read_text(errors="replace")
        return any(
            f": {each.queue_id}: " in log
            for each in list(self.load.history)
            if each.queue_id and each.began > since
        )

    def _redis_used(self, since: float) -> None:
        """Wait until both policy daemons count in Redis again, as their logs say."""
        for host in self.stage.hosts.values():
            log = host.folder / "log" / "policy.log"
            until(partial(_counts_there, log), BACK, f"{host.name} counts in Redis again")

    def _note(self, host: Host, only: Sequence[str] = ()) -> None:
        """Write down which processes of a host are killed; cut off, it is as if those had been that send."""
        now = time.time()
        living = Processes(host.relay).living()
        self.kills += [
            Kill(now, kind, pid if not only else 0)
            for kind, pids in living.items()
            for pid in pids
            if not only or kind in only
        ]


def _counts_there(log: Path) -> bool:
    """Whether the last word about Redis is that it answers."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if "limits.store" in line]
    return not lines or "answers again" in lines[-1]


def settled(stage: Stage, patience: float) -> Iterator[str]:
    """Yield the name of each host whose queue does not run empty in time."""
    deadline = time.monotonic() + patience
    for host in stage.hosts.values():
        while host.relay.queue():
            if time.monotonic() > deadline:
                yield host.name
                break
            host.relay.flush()
            time.sleep(2.0)
