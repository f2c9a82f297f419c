"""SparkPost's metrics in SQL: how many events of which kind a period has, in all or by what they share.

Parameters: ?1 account, ?2 since, ?3 until, ?4 width and ?5 shift of a step of time, ?6 how many groups, and
those of the filter. Unlike `queries.FATES`, which asks what became of the messages of a period, this counts
what happened in it.

A click or an open with `automated` in its data was no person's: a mail provider's that loads pixels before
anybody reads, or a scanner's that follows links.
"""

from estafeta_core.bounce_class import ADMIN_FAILURE
from estafeta_core.bounce_names import Category, classes_of
from estafeta_core.store.event_filter import MATCHES


def _count(condition: str) -> str:
    return f"count(*) FILTER (WHERE {condition})"


def _unique(condition: str) -> str:
    """Count messages, each once; what a token shared by all recipients has told is no single message's."""
    return f"count(DISTINCT h.message_id) FILTER (WHERE {condition})"


def _sum(value: str, condition: str) -> str:
    return f"CAST(coalesce(sum({value}) FILTER (WHERE {condition}), 0) AS BIGINT)"


def _category(category: Category) -> str:
    return f"{_BOUNCE} AND h.class IN ({', '.join(map(str, classes_of(category)))})"


# A bounce of a suppressed recipient never left; SparkPost counts it as an admin bounce and as no other.
_IN_BAND = f"h.type = 'bounce' AND coalesce(h.class, 0) <> {ADMIN_FAILURE}"
_BOUNCE = f"(h.type = 'out_of_band' OR {_IN_BAND})"
_KNOWN = ", ".join(str(each) for name in ("Hard", "Soft", "Block", "Admin") for each in classes_of(name))
_DELIVERY = "h.type = 'delivery'"
_RETURNED = "h.type = 'out_of_band'"
_OPEN = "h.type = 'open'"
_INITIAL = "h.type = 'initial_open'"
_CLICK = "h.type IN ('click', 'amp_click')"
_OPENED = "h.type IN ('open', 'initial_open', 'click', 'amp_click')"
_PERSON = "h.automated IS NULL"
_FIRST = "h.retries = 0"
_AGAIN = "h.retries > 0"

METRICS = {
    "count_targeted": _count("h.type IN ('injection', 'policy_rejection')"),
    "count_injected": _count("h.type = 'injection'"),
    "count_rejected": _count("h.type = 'policy_rejection'"),
    "count_policy_rejection": _count("h.type = 'policy_rejection'"),
    "count_sent": _count(f"{_DELIVERY} OR ({_IN_BAND})"),
    "count_accepted": f"{_count(_DELIVERY)} - {_count(_RETURNED)}",
    "count_delivered": _count(_DELIVERY),
    "count_delivered_first": _count(f"{_DELIVERY} AND {_FIRST}"),
    "count_delivered_subsequent": _count(f"{_DELIVERY} AND {_AGAIN}"),
    "total_delivery_time_first": _sum("h.waited", f"{_DELIVERY} AND {_FIRST}"),
    "total_delivery_time_subsequent": _sum("h.waited", f"{_DELIVERY} AND {_AGAIN}"),
    "count_delayed": _count("h.type = 'delay'"),
    "count_delayed_first": _count(f"h.type = 'delay' AND {_FIRST}"),
    "count_bounce": _count(_BOUNCE),
    "count_inband_bounce": _count(_IN_BAND),
    "count_outofband_bounce": _count(_RETURNED),
    "count_hard_bounce": _count(_category("Hard")),
    "count_soft_bounce": _count(_category("Soft")),
    "count_block_bounce": _count(_category("Block")),
    "count_admin_bounce": _count("h.type IN ('bounce', 'out_of_band') AND h.class IN (25, 80)"),
    "count_undetermined_bounce": _count(f"{_BOUNCE} AND (h.class IS NULL OR h.class NOT IN ({_KNOWN}))"),
    "count_spam_complaint": _count("h.type = 'spam_complaint'"),
    "count_rendered": _count(_OPEN),
    "count_unique_rendered": _unique(_OPEN),
    "count_initial_rendered": _count(_INITIAL),
    "count_unique_initial_rendered": _unique(_INITIAL),
    "count_unique_confirmed_opened": _unique(_OPENED),
    "count_nonprefetched_rendered": _count(f"{_OPEN} AND {_PERSON}"),
    "count_nonprefetched_unique_rendered": _unique(f"{_OPEN} AND {_PERSON}"),
    "count_nonprefetched_initial_rendered": _count(f"{_INITIAL} AND {_PERSON}"),
    "count_nonprefetched_unique_initial_rendered": _unique(f"{_INITIAL} AND {_PERSON}"),
    "count_nonprefetched_unique_confirmed_opened": _unique(f"{_OPENED} AND {_PERSON}"),
    "count_raw_clicked": _count(_CLICK),
    "count_clicked": _count(f"{_CLICK} AND {_PERSON}"),
    "count_unique_clicked": _unique(f"{_CLICK} AND {_PERSON}"),
    "count_unsubscribe": _count("h.type IN ('list_unsubscribe', 'link_unsubscribe')"),
}

_CLASS = "CAST(json_extract(e.data, '$.bounce_class') AS INTEGER)"
_REASON = "coalesce(json_extract(e.data, '$.reason'), '')"
_DOMAIN = """(SELECT substr(mm.rcpt_to, instr(mm.rcpt_to, '@') + 1) FROM messages mm
    WHERE mm.message_id = e.message_id)"""
_CAMPAIGN = "(SELECT campaign_id FROM transmissions tt WHERE tt.transmission_id = e.transmission_id)"
_STEP = "(e.timestamp + ?5) / ?4 * ?4 - ?5"


def _query(keys: dict[str, str], order: str, types: tuple[str, ...] = ()) -> str:
    """Return the question for all metrics by `keys`, of events of some types where they are given."""
    columns = "".join(f", {sql} AS {name}" for name, sql in keys.items())
    only = f"AND e.type IN ({', '.join(map(repr, types))})" if types else ""
    shown = "".join(f"h.{name}, " for name in keys)
    grouped = f"GROUP BY {', '.join(f'h.{name}' for name in keys)}" if keys else ""
    return f"""
        SELECT {shown}{", ".join(METRICS.values())} FROM (
            SELECT e.type, e.message_id,
                CASE WHEN e.type IN ('bounce', 'out_of_band') THEN {_CLASS} END AS class,
                CASE WHEN e.type IN ('open', 'initial_open', 'click', 'amp_click')
                    THEN json_extract(e.data, '$.automated') END AS automated,
                CASE WHEN e.type IN ('delivery', 'delay')
                    THEN CAST(json_extract(e.data, '$.num_retries') AS INTEGER) END AS retries,
                CASE WHEN e.type = 'delivery'
                    THEN CAST(json_extract(e.data, '$.queue_time') AS INTEGER) END AS waited
                {columns}
            FROM events e WHERE e.account = ?1 AND e.timestamp >= ?2 AND e.timestamp < ?3 {only}
            AND {MATCHES}) h {grouped} {order}"""  # noqa: S608 - made of constants


_MOST_FIRST = "ORDER BY count(*) DESC LIMIT ?6"
_BOUNCES = ("bounce", "out_of_band")

METRIC_QUERIES = {
    "metrics": _query({}, ""),
    "metrics_by_time": _query({"step": _STEP}, "ORDER BY h.step LIMIT ?6"),
    "metrics_by_domain": _query({"domain": _DOMAIN}, _MOST_FIRST),
    "metrics_by_campaign": _query({"campaign": _CAMPAIGN}, _MOST_FIRST),
    "metrics_by_bounce_reason": _query({"reason": _REASON, "bounce": _CLASS}, _MOST_FIRST, _BOUNCES),
    "metrics_by_rejection_reason": _query({"reason": _REASON}, _MOST_FIRST, ("policy_rejection",)),
}
