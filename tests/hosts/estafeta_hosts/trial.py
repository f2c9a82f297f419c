"""One trial: load, one fault after the other, quiet, and the verdict.

Every promise is a sentence in `Result.broken` where it was not kept; what was measured stands beside it.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from estafeta_chaos import ground
from estafeta_chaos.client import CREDENTIAL
from estafeta_chaos.judge import Evidence, Judge, Verdict
from estafeta_chaos.maillog import MailLog
from estafeta_chaos.outcome import Arrival, arrivals, stored
from estafeta_chaos.whole import Inspector
from estafeta_core.store import open_store
from estafeta_core.store.outgoing_rows import Webhook
from estafeta_core.webhooks.signature import new_secret
from estafeta_hosts.accounts import PER_HOUR
from estafeta_hosts.faults import Faults, Outcome, settled
from estafeta_hosts.host import OWN_PORTS
from estafeta_hosts.links import ATTACHMENT, HOSTED, HOSTED_FOR, READER, ask, bounced, followed, urls
from estafeta_hosts.load import Load
from estafeta_hosts.network import HERE
from estafeta_hosts.stage import CLIENTS, WEB, Host, Stage, until
from estafeta_testing.outbox import Copy
from estafeta_testing.receiver import Receiver, receiving
from estafeta_testing.signatures import Records
from estafeta_testing.smtp import queue_id

FEW = 8  # copies whose links are followed while a host is away
RECENT = 2000  # copies among which they are looked for
QUIET = 180.0  # seconds for the queues to run empty, and for what is recorded and posted
GRACE = 3.0  # seconds that an attempt may take longer than store_timeout
STORE_TIMEOUT = 20.0

Say = Callable[[str], None]


@dataclass(slots=True)
class Result:
    """What came of it."""

    seed: int
    broken: list[str] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)


class Trial:
    """The machines under load."""

    def __init__(self, stage: Stage, seed: int, say: Say) -> None:
        self._stage = stage
        self._say = say
        self._chance = random.Random(f"faults {seed}")
        self._load = Load(stage, seed)
        self._faults = Faults(stage, self._load, say, during=self._links)
        self._result = Result(seed)
        self._page = self._file = ""  # the web version of a message with a file, and the file
        self._answered = 0
        self._bounced: list[str] = []  # recipients for whom another host than the one that sent got a bounce

    def run(self) -> Result:
        """Run it."""
        with receiving(receiver=Receiver(HERE)) as receiver:
            self._hook(receiver)
            self._addresses()
            self._host_a_file()
            with self._load.sending(patience=90):
                for fault in self._faults.plan(self._chance):
                    fault()
                self._load.wait_for(50, 120)
            self._say("quiet: queues run empty, workers read to the end, webhooks are posted")
            self._judge(receiver)
        self._result.outcomes = self._faults.outcomes
        return self._result

    def _promise(self, kept: bool, otherwise: str) -> None:
        if not kept:
            self._say(f"BROKEN: {otherwise}")
            self._result.broken.append(otherwise)

    def _hook(self, receiver: Receiver) -> None:
        """Have the events of the account posted to us."""
        store = open_store(self._stage.store_url)
        types = ("delivery", "click", "open", "list_unsubscribe")
        made = Webhook("trial", "acme", None, "a", receiver.url, True, types, (), {}, new_secret(), 1)
        store.record([made])
        store.close()

    def _addresses(self) -> None:
        """See that a credential for one address may log in from there alone, behind the proxy."""
        for client, expected in zip(CLIENTS[:2], ("235", "535"), strict=True):
            way = self._stage.through(client)
            credential = way.credential("website/1website")
            with way.raw("submission-ssl") as connection:
                connection.reply()
                connection.command("EHLO client.example")
                reply = connection.login(credential.username, credential.password)
            self._promise(reply.startswith(expected), f"from {client} a login is answered {reply}")

    def _host_a_file(self) -> None:
        """Send a message whose attachment is behind a link, and keep the links."""
        way = self._stage.through(CLIENTS[0])
        credential = way.credential("plan/usuario")
        with way.raw("teenvio") as connection:
            way.begin(connection, tls=True)
            connection.login(credential.username, credential.password, ("LOGIN",))
            queue_id(connection.message("remitente@dominio.example", [HOSTED_FOR], HOSTED))
        until(lambda: self._copies(HOSTED_FOR), 60, "the message with a file is delivered")
        found = urls(self._copies(HOSTED_FOR)[0])
        (self._page,) = {url for kind, url in found if kind == "w"}
        leads = {ask("GET", url).location for kind, url in found if kind == "c"}
        (self._file,) = {url for url in leads if "/f/" in url}

    def _copies(self, recipient: str) -> list[Copy]:
        return [
            each.copy for each in arrivals(self._stage.outbox, RECENT) if each.copy.delivered_to == recipient
        ]

    def _links(self, away: Host | None) -> None:
        """Follow links of mail that the host which is away has made: the other one is all there is.

        None: the store is away, and links are answered without it.
        """
        log = away.relay.maillog.read_text(errors="replace") if away else ""
        recent = arrivals(self._stage.outbox, RECENT)
        some = [each for each in recent if not away or f": {each.queue_id}: " in log][-FEW:]
        what = away.name if away else "PostgreSQL"
        self._answered += len(some)
        self._promise(bool(some), f"{what}: nothing was delivered before it went away")
        for wrong in followed(some):
            self._promise(False, f"while {what} is away: {wrong}")
        if away:
            (other,) = (each for each in self._stage.hosts.values() if each is not away)
            for each in some[:2]:
                with self._stage.network.inside(other.name):
                    bounced(each.copy, OWN_PORTS[0])
                self._bounced.append(each.copy.delivered_to)
        file, page = ask("GET", self._file), ask("GET", self._page)
        self._promise(file.body == ATTACHMENT, f"while {what} is away: a file is answered {file.status}")
        expected = 200 if away else 503  # a web version needs the store
        self._promise(
            page.status == expected, f"while {what} is away: a web version is answered {page.status}"
        )

    def _judge(self, receiver: Receiver) -> None:
        stage = self._stage
        for name in settled(stage, QUIET):
            self._promise(False, f"the queue of {name} does not run empty: {stage.hosts[name].relay.queue()}")
        log = self._log()
        came = [each for each in arrivals(stage.outbox) if each.copy.delivered_to != HOSTED_FOR]
        self._wait_for_events(log, came)
        verdict = self._verdict(log, came)
        for violation in verdict.violations:
            evidence = "\n        ".join(violation.evidence[:30])
            self._promise(
                False, f"{violation.what}: attempt {violation.attempt}: {violation.text}\n        {evidence}"
            )
        for host in stage.hosts.values():
            for line in ground.own_failures(host.relay):
                self._promise(False, f"{host.name}: a daemon failed: {line}")
        self._told()
        self._limits()
        self._posted(receiver)
        self._clients()
        self._came_back()
        self._figures(verdict, came, receiver)

    def _log(self) -> MailLog:
        """Return what both hosts have logged, as one log."""
        merged = self._stage.folder / "mail.log"
        logs = [host.relay.maillog.read_text(errors="replace") for host in self._stage.hosts.values()]
        merged.write_text("".join(logs))
        return MailLog(merged)

    def _wait_for_events(self, log: MailLog, came: list[Arrival]) -> None:
        """Wait until both workers have read to the end."""
        sent = sum(
            len(log.noted(each, recipient))
            for each, recipient in {(each.queue_id, each.copy.delivered_to) for each in came}
        )
        count = (
            "SELECT count(*) FROM events JOIN transmissions USING (transmission_id) WHERE type = 'delivery'"
        )
        account = f"{count} AND transmissions.account = 'acme'"
        last = 0

        def recorded() -> bool:
            nonlocal last
            last = self._stage.cluster.sql(account, url=self._stage.store_url)[0][0]
            return bool(last >= sent)

        try:
            self._result.figures["recorded_after"] = round(until(recorded, QUIET, "deliveries"), 1)
        except AssertionError:
            self._promise(False, f"{sent} deliveries are in the logs, {last} are recorded")

    def _verdict(self, log: MailLog, came: list[Arrival]) -> Verdict:
        found = stored(self._stage.store_url, CREDENTIAL.partition("/")[0])
        evidence = Evidence(self._load.history, came, found, log, self._faults.kills)
        relay = self._stage.hosts["mx1"].relay
        return Judge(evidence, Inspector(relay.links, WEB, Records.of(relay.description))).verdict()

    def _told(self) -> None:
        """Hold what clients were told to what may be said: 4xx, or nothing; and in time."""
        for fault in self._faults.outcomes:
            unnoticed = fault.refused + fault.broken == 0
            self._promise(unnoticed or not fault.name.endswith("is taken out"), f"clients noticed: {fault}")
        for each in self._load.history:
            taken = each.ended - each.began
            if each.verdict == "refused" and taken > STORE_TIMEOUT + GRACE:
                self._promise(False, f"attempt {each.draft.id} was refused after {taken:.0f} s: {each.reply}")

    def _limits(self) -> None:
        """Hold the recipients of the limited credential to its limit: exactly, while Redis was there."""
        limited = self._load.limited
        redis = [each for each in self._faults.outcomes if each.name.startswith("Redis")]
        first = min((each.began for each in redis), default=float("inf"))
        before, whole = limited.counted(until=first), limited.counted()
        self._promise(
            before <= PER_HOUR, f"{before} recipients passed a limit of {PER_HOUR} before Redis fell"
        )
        # Redis comes back empty once: a new window. While it is away each host counts half of the limit.
        most = PER_HOUR * (2 + len(redis))
        self._promise(
            whole <= most, f"{whole} recipients passed, with all windows that there were {most} may"
        )
        self._result.figures["limited"] = {"before_redis_fell": before, "in_all": whole, "may": most}

    def _posted(self, receiver: Receiver) -> None:
        """Hold what came by webhook to what the store has."""
        wanted = "('delivery', 'click', 'open', 'list_unsubscribe')"
        query = f"SELECT event_id FROM events WHERE account = 'acme' AND type IN {wanted}"
        there = {str(id_) for (id_,) in self._stage.cluster.sql(query, url=self._stage.store_url)}
        try:
            until(lambda: there <= set(receiver.event_ids), QUIET, "webhooks")
        except AssertionError:
            missing = there - set(receiver.event_ids)
            self._promise(False, f"{len(missing)} of {len(there)} events were not posted, as {min(missing)}")
        strangers = set(receiver.event_ids) - there
        self._promise(not strangers, f"events were posted that the store does not have: {strangers}")

    def _came_back(self) -> None:
        """Hold the bounces to what is recorded of them."""
        joined = "events JOIN messages USING (message_id)"
        query = f"SELECT DISTINCT raw_rcpt_to FROM {joined} WHERE type = 'out_of_band'"
        found = {str(to) for (to,) in self._stage.cluster.sql(query, url=self._stage.store_url)}
        missing = set(self._bounced) - found
        self._promise(
            not missing, f"another host was told of bounces for {missing}, and they are not recorded"
        )

    def _clients(self) -> None:
        """See that events of links name the recipient's own address."""
        query = (
            "SELECT DISTINCT data::json ->> 'ip_address' FROM events"
            " WHERE account = 'acme' AND type IN ('click', 'open', 'list_unsubscribe')"
        )
        found = {str(address) for (address,) in self._stage.cluster.sql(query, url=self._stage.store_url)}
        self._promise(found <= {READER}, f"clicks are recorded from {found}, and all came from {READER}")

    def _figures(self, verdict: Verdict, came: list[Arrival], receiver: Receiver) -> None:
        history = self._load.history
        ids = receiver.event_ids
        self._result.figures |= {
            "attempts": dict(Counter(each.verdict for each in history)),
            "recipients": sum(len(each.draft.recipients) for each in history if each.verdict == "accepted"),
            "copies": len(came),
            "delivered_unaccepted": dict(verdict.delivered_unaccepted),
            "doubled": dict(Counter(f"{each.hop}: {each.killed}" for each in verdict.doubles)),
            "replies": dict(Counter(each.reply[:60] for each in history if each.verdict != "accepted")),
            "hosts": {
                host.name: sum(f": {each.queue_id}: " in text for each in history if each.queue_id)
                for host in self._stage.hosts.values()
                for text in [host.relay.maillog.read_text(errors="replace")]
            },
            "copies_whose_links_were_followed": self._answered,
            "events_posted": len(set(ids)),
            "posted_again": len(ids) - len(set(ids)),
        }
