"""Hosts that take a message and complain afterwards: who gets a report, and when.

By a recipient's local part: `oob…` has a delivery status notification come back to the return path, as from a
host that accepts before it looks; `complaint…` has an abuse report come to fbl@ at the bounce domain.
"""

import asyncio
import logging
import smtplib
from dataclasses import dataclass, field

from estafeta_postfix.capture import reports
from estafeta_postfix.capture.session import HOST, Message

DELAY = 1.0  # seconds: real hosts take longer, and the delivery comes before what is told of it
TIMEOUT = 30.0  # seconds for a reply

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """A message of a remote host's own."""

    sender: str
    recipient: str
    content: bytes


@dataclass(slots=True)
class Answering:
    """Sends reports to the SMTP server where mail for the bounce domain is taken in."""

    host: str
    port: int
    bounce_domain: str
    _sending: set[asyncio.Task[None]] = field(default_factory=set)

    def taken(self, message: Message) -> None:
        """Send what the recipients of a message have to say of it, a moment later."""
        for report in self.reports(message):
            task = asyncio.get_running_loop().create_task(self._send(report))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    def reports(self, message: Message) -> list[Report]:
        """Return the reports about a message; a notice is never answered."""
        found = []
        for recipient in message.recipients:
            if recipient.lower().startswith(b"oob") and message.sender:
                to = message.sender.decode("utf-8", "surrogateescape")
                found.append(Report("", to, reports.delivery_status(message, recipient)))
            elif recipient.lower().startswith(b"complaint"):
                to = f"fbl@{self.bounce_domain}"
                content = reports.complaint(message, recipient, to.encode())
                found.append(Report(f"feedback@{HOST}", to, content))
        return found

    async def _send(self, report: Report) -> None:
        await asyncio.sleep(DELAY)
        try:
            await asyncio.to_thread(self._deliver, report)
        except (OSError, smtplib.SMTPException) as error:
            log.warning("a report to <%s> is not taken: %s", report.recipient, error)

    def _deliver(self, report: Report) -> None:
        with smtplib.SMTP(self.host, self.port, HOST, TIMEOUT) as client:
            client.sendmail(report.sender, [report.recipient], report.content)
