"""SparkPost's metrics of an account, counted from the events of a period."""

from dataclasses import dataclass
from typing import Literal

from estafeta_core.store.activity import PATIENCE
from estafeta_core.store.event_filter import EVERYTHING, EventFilter
from estafeta_core.store.metric_queries import METRICS
from estafeta_core.store.reader import Reader

Grouping = Literal["domain", "campaign", "bounce_reason", "rejection_reason"]


@dataclass(frozen=True, slots=True)
class Counted:
    """The metrics of one group; `key` is what its events share, () where they are all together."""

    key: tuple[str | int | None, ...]
    metrics: dict[str, int]


class Deliverability(Reader):
    """Questions for metrics; AnswerTooLong where a period has too much to count."""

    def metrics(self, account: str, since: int, until: int, chosen: EventFilter = EVERYTHING) -> Counted:
        """Return the metrics of events with `since` <= timestamp < `until`."""
        return self._counted("metrics", (account, since, until, 1, 0, 1), chosen)[0]

    def metrics_by_time(
        self,
        account: str,
        since: int,
        until: int,
        chosen: EventFilter = EVERYTHING,
        *,
        width: int,
        shift: int = 0,
        limit: int,
    ) -> list[Counted]:
        """Return the metrics of each step of time that has events; its beginning is the key.

        Steps are `width` milliseconds long, and one of them began `shift` before 1970.
        """
        return self._counted("metrics_by_time", (account, since, until, width, shift, limit), chosen)

    def metrics_by(
        self,
        grouping: Grouping,
        account: str,
        since: int,
        until: int,
        chosen: EventFilter = EVERYTHING,
        *,
        limit: int,
    ) -> list[Counted]:
        """Return the metrics of each group, the one with the most events first."""
        return self._counted(f"metrics_by_{grouping}", (account, since, until, 1, 0, limit), chosen)

    def _counted(self, name: str, own: tuple[str | int, ...], chosen: EventFilter) -> list[Counted]:
        rows = self.query(name, *own, *chosen.parameters(), patience=PATIENCE)
        keys = len(rows[0]) - len(METRICS) if rows else 0
        return [Counted(row[:keys], dict(zip(METRICS, row[keys:], strict=True))) for row in rows]
