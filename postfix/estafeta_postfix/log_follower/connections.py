"""Which deliveries went over TLS, from the lines that smtp(8) writes about its connections.

    PROCESS: Untrusted TLS connection established to HOST[IP]:PORT: TLSv1.3 with cipher ...
    PROCESS: QUEUEID: to=<ADDRESS>, relay=HOST[IP]:PORT, ... status=sent (...)

The first line (`smtp_tls_loglevel = 1`, which main.cf sets) has no queue id, and a connection in clear has no
line. A process delivers one request at a time, so the line belongs to the request whose recipients it tells
of next, at that host. A request has ended when another queue id comes, or a recipient a second time, or
another such line behind a recipient.

Nothing is said where it cannot be known: of a delivery that may have begun before the follower did, and of a
connection that was handed over by another process (`conn_use=2` without a line; over TLS, Postfix writes
`connection reused`). One case is told wrong: where a session over TLS is broken off before EHLO is answered,
Postfix tries that host again in clear and logs nothing of it.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from estafeta_postfix.log_follower.parse import Delivery, Secured

# smtp(8) processes whose last request is remembered: Postfix runs 100 at a time of each transport, and a
# pool of addresses is one. Of the request in hand of one that is forgotten, it may be said it went in clear.
PROCESSES = 10_000


@dataclass(slots=True)
class _Request:
    """What is known of a process's request in hand."""

    hosts: set[tuple[str, str]] = field(default_factory=set)  # reached over TLS
    queue_id: str = ""  # "": none of its recipients has been told of
    recipients: set[str] = field(default_factory=set)


class Connections:
    """Remembers the request in hand of every process."""

    def __init__(self) -> None:
        self._requests: OrderedDict[str, _Request] = OrderedDict()
        self._since: int | None = None

    def forget(self) -> None:
        """Know nothing of earlier lines: the log is read from another place."""
        self._requests.clear()
        self._since = None

    def secured(self, line: Secured, moment: int) -> None:
        """Take in that a process has a connection over TLS; `moment` is the line's time in milliseconds."""
        self._begin(moment)
        request = self._of(line.process)
        if request.queue_id:
            request = self._anew(line.process)
        request.hosts.add((line.host, line.ip))

    def over_tls(self, delivery: Delivery, moment: int) -> bool | None:
        """Return whether a delivery went over TLS; None where that is not known, or no host was reached."""
        since = self._begin(moment)
        request = self._of(delivery.process)
        if request.queue_id and (
            request.queue_id != delivery.queue_id or delivery.recipient in request.recipients
        ):
            request = self._anew(delivery.process)
        request.queue_id = delivery.queue_id
        request.recipients.add(delivery.recipient)
        if not delivery.ip:
            return None
        if (delivery.host, delivery.ip) in request.hosts:
            return True
        # Times are whole seconds, and lines are written when what they tell of is over.
        began = moment - round(delivery.busy * 1000) - 1000
        return None if delivery.reused or began < since else False

    def _begin(self, moment: int) -> int:
        if self._since is None:
            self._since = moment
        return self._since

    def _of(self, process: str) -> _Request:
        if process not in self._requests:
            return self._anew(process)
        self._requests.move_to_end(process)
        return self._requests[process]

    def _anew(self, process: str) -> _Request:
        self._requests[process] = request = _Request()
        self._requests.move_to_end(process)
        if len(self._requests) > PROCESSES:
            self._requests.popitem(last=False)
        return request
