"""The questions for events that a filter chooses: a page of them, newest first, and how many there are.

Parameters: ?1 account, ?2 since, ?3 and ?4 time and id of the event before the page, ?5 how many,
?6 a JSON array of ids, and those of the filter. Where ids are given they lead, otherwise time does.
"""

from estafeta_core.store.event_filter import MATCHES

_BY_TIME = {"account": ("events e", "e.account = ?1"), "everybody": ("events e", "?1 IS NULL")}
# CROSS JOIN has SQLite begin with the ids, and no index of accounts or times is to lead to the event.
_BY_ID = {
    "transmissions": (
        "json_each(?6) ids CROSS JOIN events e",
        "e.transmission_id = CAST(ids.value AS BIGINT)",
    ),
    "ids": ("json_each(?6) ids CROSS JOIN events e", "e.event_id = CAST(ids.value AS BIGINT)"),
}
_OWN = "AND (?1 IS NULL OR e.account = ?1)"
_CHOSEN = {
    **{
        name: (tables, f"{first} AND e.timestamp >= ?2 AND (e.timestamp, e.event_id) < (?3, ?4)")
        for name, (tables, first) in _BY_TIME.items()
    },
    **{
        name: (
            tables,
            f"{first} {_OWN} AND e.timestamp + 0 >= ?2 AND (e.timestamp + 0, e.event_id + 0) < (?3, ?4)",
        )
        for name, (tables, first) in _BY_ID.items()
    },
}


def _page(tables: str, chosen: str) -> str:
    return f"""
        SELECT e.*, t.*, m.* FROM {tables}
        LEFT JOIN transmissions t ON t.transmission_id = e.transmission_id
        LEFT JOIN messages m ON m.message_id = e.message_id
        WHERE {chosen}
        AND {MATCHES}
        ORDER BY e.timestamp DESC, e.event_id DESC LIMIT ?5"""  # noqa: S608 - made of constants


def _count(tables: str, chosen: str) -> str:
    return f"""
        SELECT count(*) FROM (SELECT 1 FROM {tables} WHERE {chosen}
        AND {MATCHES} LIMIT ?5) found"""  # noqa: S608 - likewise


EVENT_QUERIES = {
    **{f"search_{name}": _page(*chosen) for name, chosen in _CHOSEN.items()},
    **{f"count_{name}": _count(*chosen) for name, chosen in _CHOSEN.items()},
}
