"""`/`: the status table of a period, and what happened in it as a chart."""

from datetime import datetime

from starlette.responses import Response

from estafeta_core import statistics
from estafeta_core.dialects import DIALECTS
from estafeta_core.statistics import PERIODS
from estafeta_core.store import Pulse, Store
from estafeta_core.store.lists import Fate
from estafeta_web.pages import chart, period
from estafeta_web.pages.gate import Visit
from estafeta_web.pages.period import Span


async def show(visit: Visit) -> Response:
    """Show the statistics of the period in the page's address; today's, saying so, where it names none."""
    today = datetime.now().astimezone().date()
    try:
        span, wrong = period.read(visit.request.query_params, today), False
    except ValueError:
        span, wrong = period.read({}, today), True
    fates, pulses = await visit.look(lambda store: _counted(store, visit.account, span))
    return visit.page(
        "overview.html",
        400 if wrong else 200,
        span=span,
        wrong=wrong,
        periods=PERIODS,
        rows=statistics.rows(fates),
        provider=DIALECTS[visit.caller.credential.account.dialect].statistics_names,
        chart=chart.draw([slot.name for slot in span.slots()], pulses),
    )


def _counted(store: Store, account: str, span: Span) -> tuple[dict[Fate, int], list[Pulse]]:
    slots = [(slot.begin, slot.end) for slot in span.slots()]
    return store.fates(account, span.begin, span.end), store.pulse(account, slots)
