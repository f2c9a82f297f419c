"""Every question to the store, in SQL.

Each uses a primary key or an index; a test asks SQLite for its plan.
"""

from estafeta_core.bounce_class import HARD
from estafeta_core.store.event_queries import EVENT_QUERIES
from estafeta_core.store.metric_queries import METRIC_QUERIES
from estafeta_core.store.writes import NOW

_SENDS = """
    SELECT t.*,
        (SELECT count(*) FROM messages m WHERE m.transmission_id = t.transmission_id),
        (SELECT count(DISTINCT e.message_id) FROM events e
            WHERE e.transmission_id = t.transmission_id AND e.type IN ('open', 'initial_open')
            AND json_extract(e.data, '$.automated') IS NULL),
        (SELECT count(DISTINCT e.message_id) FROM events e
            WHERE e.transmission_id = t.transmission_id AND e.type IN ('click', 'amp_click')
            AND json_extract(e.data, '$.automated') IS NULL)
    FROM transmissions t"""
_DOMAIN_CHECKS = """
    SELECT account, domain, key, challenge, state, since, missing, checked, answer, due
    FROM domain_checks"""
_GROUPS = """
    SELECT g.*, (SELECT count(*) FROM group_contacts c WHERE c.group_id = g.group_id) FROM groups g"""

# What events tell of one copy: the sign at place n is bit n of its fate, and field n of lists.Fate. Bounce
# class 25 is a suppressed recipient's (bounce_class.ADMIN_FAILURE).
_BOUNCE_CLASS = "json_extract(h.data, '$.bounce_class')"
_AUTOMATED = "json_extract(h.data, '$.automated')"  # why it was no person; NULL: nothing shows that
FATES = (
    "h.type = 'policy_rejection'",
    f"h.type = 'bounce' AND {_BOUNCE_CLASS} = '25'",
    "h.type = 'delivery'",
    f"h.type = 'bounce' AND coalesce({_BOUNCE_CLASS}, '') <> '25'",
    "h.type = 'out_of_band'",
    """h.type IN ('bounce', 'out_of_band') AND NOT EXISTS (SELECT 1 FROM events l
        WHERE l.transmission_id = h.transmission_id AND l.message_id = h.message_id
        AND l.type = 'delivery' AND l.timestamp > h.timestamp)""",
    f"h.type IN ('open', 'initial_open') AND {_AUTOMATED} IS NULL",
    f"h.type IN ('click', 'amp_click') AND {_AUTOMATED} IS NULL",
    "h.type IN ('list_unsubscribe', 'link_unsubscribe')",
    f"h.type IN ('open', 'initial_open') AND {_AUTOMATED} = 'proxy'",
    f"h.type IN ('open', 'initial_open') AND {_AUTOMATED} <> 'proxy'",
    f"h.type IN ('click', 'amp_click') AND {_AUTOMATED} IS NOT NULL",
)
_SIGNS = " + ".join(f"max(CASE WHEN {sign} THEN {1 << bit} ELSE 0 END)" for bit, sign in enumerate(FATES))

# The signs of the message `m` of a query; 0 where nothing has happened to it.
_SIGNS_OF_COPY = f"""coalesce((SELECT {_SIGNS} FROM events h
            WHERE h.transmission_id = m.transmission_id AND h.message_id = m.message_id), 0)"""  # noqa: S608

# What an event `h` counts as in a chart: a suppressed recipient's bounce is no failure of a delivery.
_KIND = f"""CASE WHEN {FATES[2]} THEN 'delivered' WHEN {FATES[6]} THEN 'opened'
            WHEN {FATES[7]} THEN 'clicked' WHEN {FATES[3]} OR {FATES[4]} THEN 'failed' END"""

# Every copy has one event that begins its story, at the time of injection: copies are found by those.
_FATES = f"""
    SELECT (SELECT {_SIGNS} FROM events h
        WHERE h.transmission_id = e.transmission_id AND h.message_id = e.message_id) AS signs, count(*)
    FROM events e
    WHERE e.timestamp >= ?1 AND e.timestamp < ?2 AND e.type IN ('injection', 'policy_rejection')
    AND e.message_id IS NOT NULL"""  # noqa: S608 - made of the constants above

# ?1 account, ?2 since, ?3 until, ?4 to ?7 JSON arrays or NULL, ?8 a pattern or NULL.
_SUPPRESSIONS = r"""FROM suppressions WHERE account = ?1 AND updated >= ?2 AND updated < ?3
    AND (?4 IS NULL OR subaccount IN (SELECT value FROM json_each(?4)))
    AND (?5 IS NULL OR type IN (SELECT value FROM json_each(?5)))
    AND (?6 IS NULL OR source IN (SELECT value FROM json_each(?6)))
    AND (?7 IS NULL OR EXISTS (SELECT 1 FROM json_each(?7) p WHERE recipient LIKE '%@' || p.value ESCAPE '\'))
    AND (?8 IS NULL OR description LIKE ?8 ESCAPE '\')"""

# Whether the event `e` says that a recipient is not there.
_HARD_CLASSES = ", ".join(f"'{number}'" for number in sorted(HARD))
_HARD = f"""(e.type IN ('bounce', 'out_of_band')
            AND json_extract(e.data, '$.bounce_class') IN ({_HARD_CLASSES}))"""

QUERIES = {
    **EVENT_QUERIES,
    **METRIC_QUERIES,
    "suppressed": """
        SELECT DISTINCT recipient FROM suppressions WHERE account = ?1 AND subaccount = ?2
        AND recipient IN (SELECT value FROM json_each(?3)) AND type IN (SELECT value FROM json_each(?4))""",
    "suppressed_types": """
        SELECT type FROM suppressions WHERE account = ?1 AND subaccount = ?2 AND recipient = ?3""",
    "suppressions_of": """
        SELECT * FROM suppressions WHERE account = ?1 AND subaccount IN (SELECT value FROM json_each(?2))
        AND recipient = ?3 AND type IN (SELECT value FROM json_each(?4))""",
    "suppressions": f"""
        SELECT * {_SUPPRESSIONS} AND (updated, subaccount, recipient, type) > (?10, ?11, ?12, ?13)
        ORDER BY updated, subaccount, recipient, type LIMIT ?9""",
    "suppressions_newest": f"""
        SELECT * {_SUPPRESSIONS} AND (updated, subaccount, recipient, type) < (?10, ?11, ?12, ?13)
        ORDER BY updated DESC, subaccount DESC, recipient DESC, type DESC LIMIT ?9""",
    "count_suppressions": f"SELECT count(*) FROM (SELECT 1 {_SUPPRESSIONS} LIMIT ?9) found",  # noqa: S608 - constants
    "suppression_sources": """
        SELECT source, count(*) FROM suppressions WHERE account = ?1
        AND subaccount IN (SELECT value FROM json_each(?2)) GROUP BY source""",
    "tags": "SELECT tag FROM tags WHERE account = ?1",
    "transmission": "SELECT * FROM transmissions WHERE transmission_id = ?1",
    "queue_id": """
        SELECT * FROM transmissions WHERE queue_id = ?1 ORDER BY transmission_id DESC LIMIT 1""",
    "account_queue_id": """
        SELECT * FROM transmissions WHERE queue_id = ?1 AND account = ?2
        ORDER BY transmission_id DESC LIMIT 1""",
    "copy": """
        SELECT m.*, t.* FROM messages m JOIN transmissions t ON t.transmission_id = m.transmission_id
        WHERE m.message_id = ?1""",
    # CROSS JOIN: from the transmission to its copy, never through everything the recipient has got.
    "queue_copy": """
        SELECT m.*, t.* FROM transmissions t CROSS JOIN messages m ON m.transmission_id = t.transmission_id
        WHERE t.queue_id = ?1 AND m.rcpt_to = ?2 ORDER BY t.transmission_id DESC LIMIT 1""",
    "copy_in": """
        SELECT m.*, t.* FROM messages m JOIN transmissions t ON t.transmission_id = m.transmission_id
        WHERE m.transmission_id = ?1 AND m.rcpt_to = ?2 ORDER BY m.message_id LIMIT 1""",
    "requeued": "SELECT * FROM requeued WHERE queue_id = ?1",
    "handed_over": "SELECT message_id FROM requeued WHERE original = ?1 AND message_id IS NOT NULL",
    "requeued_copy": """
        SELECT m.*, t.* FROM requeued r JOIN transmissions t ON t.queue_id = r.original
        CROSS JOIN messages m ON m.transmission_id = t.transmission_id
        WHERE r.queue_id = ?1 AND m.rcpt_to = ?2 ORDER BY t.transmission_id DESC LIMIT 1""",
    "messages": "SELECT * FROM messages WHERE transmission_id = ?1 ORDER BY message_id",
    "messages_after": """
        SELECT * FROM messages WHERE transmission_id = ?1 AND message_id > ?2 ORDER BY message_id LIMIT ?3""",
    "count_messages": "SELECT count(*) FROM messages WHERE transmission_id = ?1",
    "message_events": """
        SELECT * FROM events WHERE transmission_id = ?1
        AND message_id IN (SELECT CAST(value AS BIGINT) FROM json_each(?2)) ORDER BY timestamp, event_id""",
    "transmission_events": """
        SELECT * FROM events WHERE transmission_id = ?1 ORDER BY timestamp, event_id""",
    "delays": """
        SELECT count(*) FROM messages m JOIN events e
        ON e.transmission_id = m.transmission_id AND e.message_id = m.message_id
        WHERE m.message_id = ?1 AND e.type = 'delay'""",
    "delivery": """
        SELECT e.data FROM messages m JOIN events e
        ON e.transmission_id = m.transmission_id AND e.message_id = m.message_id
        WHERE m.message_id = ?1 AND e.type = 'delivery' LIMIT 1""",
    "log_position": 'SELECT log, inode, "offset" FROM log_positions WHERE log = ?1',
    "events": """
        SELECT e.*, t.*, m.* FROM events e
        LEFT JOIN transmissions t ON t.transmission_id = e.transmission_id
        LEFT JOIN messages m ON m.message_id = e.message_id
        WHERE e.timestamp >= ?1 AND (e.timestamp, e.event_id) < (?2, ?3)
        AND (?4 IS NULL OR e.type IN (SELECT value FROM json_each(?4)))
        ORDER BY e.timestamp DESC, e.event_id DESC LIMIT ?5""",
    "account_events": """
        SELECT e.*, t.*, m.* FROM events e
        LEFT JOIN transmissions t ON t.transmission_id = e.transmission_id
        LEFT JOIN messages m ON m.message_id = e.message_id
        WHERE e.account = ?6 AND e.timestamp >= ?1 AND (e.timestamp, e.event_id) < (?2, ?3)
        AND (?4 IS NULL OR e.type IN (SELECT value FROM json_each(?4)))
        ORDER BY e.timestamp DESC, e.event_id DESC LIMIT ?5""",
    # Lists of what an account has, newest first; ids rise with time.
    "sends": f"{_SENDS} WHERE t.transmission_id < ?1 ORDER BY t.transmission_id DESC LIMIT ?2",
    "account_sends": f"""{_SENDS} WHERE t.account = ?3 AND t.transmission_id < ?1
        ORDER BY t.transmission_id DESC LIMIT ?2""",
    "fates": f"{_FATES} GROUP BY signs",
    "account_fates": f"{_FATES} AND e.account = ?3 GROUP BY signs",
    "groups": f"{_GROUPS} WHERE g.group_id < ?1 ORDER BY g.group_id DESC LIMIT ?2",
    "account_groups": f"""{_GROUPS} WHERE g.account = ?3 AND g.group_id < ?1
        ORDER BY g.group_id DESC LIMIT ?2""",
    "group": f"{_GROUPS} WHERE g.group_id = ?1",
    "transmission_group": f"{_GROUPS} WHERE g.transmission_id = ?1",
    "group_contacts": "SELECT address FROM group_contacts WHERE group_id = ?1 ORDER BY address",
    "contacts": """
        SELECT * FROM contacts WHERE account = ?1 AND (created, address) < (?2, ?3)
        ORDER BY created DESC, address DESC LIMIT ?4""",
    "contents": "SELECT * FROM contents WHERE transmission_id < ?1 ORDER BY transmission_id DESC LIMIT ?2",
    "account_contents": """
        SELECT * FROM contents WHERE account = ?3 AND transmission_id < ?1
        ORDER BY transmission_id DESC LIMIT ?2""",
    "content": "SELECT * FROM contents WHERE transmission_id = ?1",
    "message_content": """
        SELECT c.* FROM messages m JOIN contents c ON c.transmission_id = m.transmission_id
        WHERE m.message_id = ?1""",
    # What a person looks through, page by page.
    "mailings": f"""
        SELECT m.*, {_SIGNS_OF_COPY} FROM messages m WHERE m.transmission_id = ?1
        AND (m.rcpt_to, m.message_id)
            > (coalesce((SELECT a.rcpt_to FROM messages a WHERE a.message_id = ?2), ''), ?2)
        ORDER BY m.rcpt_to, m.message_id LIMIT ?3""",  # noqa: S608 - made of the constants above
    "received": f"""
        SELECT t.*, m.*, {_SIGNS_OF_COPY} FROM messages m
        CROSS JOIN transmissions t ON t.transmission_id = m.transmission_id
        WHERE m.rcpt_to = ?1 AND m.message_id < ?2 AND t.account = ?3
        ORDER BY m.message_id DESC LIMIT ?4""",  # noqa: S608 - made of the constants above
    "mailing_events": """
        SELECT * FROM events WHERE transmission_id = ?1 AND message_id = ?2
        ORDER BY timestamp, event_id LIMIT ?3""",
    "latest_events": """
        SELECT e.*, m.raw_rcpt_to FROM events e LEFT JOIN messages m ON m.message_id = e.message_id
        WHERE e.transmission_id = ?1 ORDER BY e.timestamp DESC, e.event_id DESC LIMIT ?2""",
    "pulse": f"""
        SELECT slot, kind, count(DISTINCT message_id) FROM (
            SELECT b.key AS slot, {_KIND} AS kind, h.message_id AS message_id
            FROM json_each(?2) b JOIN json_each(?3) u ON u.key = b.key
            CROSS JOIN events h ON h.account = ?1 AND h.timestamp >= CAST(b.value AS BIGINT)
                AND h.timestamp < CAST(u.value AS BIGINT)) found
        WHERE kind IS NOT NULL GROUP BY slot, kind""",  # noqa: S608 - made of the constants above
    "contacts_in": """
        SELECT address FROM group_contacts WHERE group_id = ?1 AND address > ?2 ORDER BY address LIMIT ?3""",
    "counters": "SELECT label, number FROM counters WHERE counter = ?1",
    # Webhooks, what waits for them, and their batches.
    "webhook": "SELECT * FROM webhooks WHERE webhook_id = ?1",
    "account_webhooks": "SELECT * FROM webhooks WHERE account = ?1 ORDER BY created",
    "webhooks": "SELECT * FROM webhooks WHERE active >= ?1 ORDER BY active, webhook_id",
    "outbox": "SELECT event_id FROM outbox WHERE webhook_id = ?1 ORDER BY event_id LIMIT ?2",
    "outbox_size": "SELECT count(*) FROM outbox WHERE webhook_id = ?1",
    "due_batch": """
        SELECT * FROM webhook_batches WHERE webhook_id = ?1 AND state = 'waiting' AND next_attempt <= ?2
        ORDER BY next_attempt LIMIT 1""",
    "waiting_batches": """
        SELECT count(*), CAST(coalesce(sum(size), 0) AS BIGINT) FROM webhook_batches
        WHERE webhook_id = ?1 AND state = 'waiting'""",
    "batches": "SELECT * FROM webhook_batches WHERE webhook_id = ?1 ORDER BY tried DESC LIMIT ?2",
    "wanted": """
        SELECT 1 FROM webhook_wants
        WHERE webhook_id = ?1 AND account = (SELECT account FROM webhooks WHERE webhook_id = ?1)
        AND timestamp >= ?2 AND timestamp < ?3 LIMIT ?4""",
    "wanted_transmission": """
        SELECT 1 FROM webhook_wants
        WHERE webhook_id = ?1 AND timestamp >= ?2 AND timestamp < ?3 AND transmission_id = ?5 LIMIT ?4""",
    "occurrences": """
        SELECT e.*, t.*, m.* FROM json_each(?1) JOIN events e ON e.event_id = CAST(json_each.value AS BIGINT)
        LEFT JOIN transmissions t ON t.transmission_id = e.transmission_id
        LEFT JOIN messages m ON m.message_id = e.message_id ORDER BY json_each.key""",
    # Accounts that the store keeps.
    "accounts_change": "SELECT change FROM accounts_change WHERE id = 1",
    "accounts_since": """
        SELECT account, change, value FROM accounts WHERE (change, account) > (?1, ?2)
        ORDER BY change, account LIMIT ?3""",
    "account_text": "SELECT account, change, text FROM accounts WHERE account = ?1",
    "account_texts": """
        SELECT account, change, text FROM accounts WHERE account > ?1 ORDER BY account LIMIT ?2""",
    "account_entries": """
        SELECT entry, kind, dialect, account FROM account_entries
        WHERE entry IN (SELECT value FROM json_each(?1))""",
    # Which credentials may not send, and what tells: a complaint counts for the mail that it is about. A
    # suspension takes seconds to be felt, so mail counts again from its end on, not from its beginning. Ids
    # begin with their time, as below.
    "suspended": "SELECT * FROM credential_suspensions WHERE coalesce(until, 0) = 0",
    "outcomes": f"""
        SELECT t.credential, count(*) FILTER (WHERE e.type = 'delivery' OR (e.type = 'bounce' AND {_HARD})),
            count(*) FILTER (WHERE e.type = 'spam_complaint'), count(*) FILTER (WHERE {_HARD})
        FROM transmissions t CROSS JOIN events e ON e.transmission_id = t.transmission_id
        WHERE t.account = ?1 AND t.transmission_id >= (?2 - 1704067200000) << 22
        AND t.injection_time >= coalesce((SELECT max(coalesce(until, since)) FROM credential_suspensions s
            WHERE s.account = t.account AND s.credential = t.credential), 0)
        AND e.type IN ('delivery', 'bounce', 'out_of_band', 'spam_complaint')
        GROUP BY t.credential""",  # noqa: S608 - made of the constants above
    # What DNS verifies. Those that were never verified have no change yet.
    "domain_checks": f"{_DOMAIN_CHECKS} WHERE account = ?1",
    "due_domain_checks": f"{_DOMAIN_CHECKS} WHERE due <= ?1 ORDER BY due LIMIT ?2",
    "domain_change": "SELECT coalesce(sum(change), 0) FROM domain_checks WHERE change > 0",
    "settled_domains": "SELECT account, domain, key, state FROM domain_checks WHERE change > 0",
    # Who does what one host does at a time, and for how many milliseconds still.
    "lease": f"SELECT node, until - {NOW} FROM leases WHERE name = ?1",  # noqa: S608 - a constant
    # What is kept, and for how long.
    "kept_bytes": "SELECT bytes FROM kept_bytes WHERE account = ?1",
    "kept_files": "SELECT DISTINCT digest FROM files WHERE digest IN (SELECT value FROM json_each(?1))",
    "old_files": "SELECT 1 FROM files WHERE kept < ?1 LIMIT 1",
    "old_contents": "SELECT 1 FROM contents WHERE created < ?1 LIMIT 1",
    # Ids begin with their time: (time - epoch) << 22 is the lowest of a time (ids.py, held to by a test).
    "old_batches": "SELECT 1 FROM webhook_batches WHERE state <> 'waiting' AND tried < ?1 LIMIT 1",
    "old_requeued": "SELECT 1 FROM requeued WHERE time < ?1 LIMIT 1",
    "old_events": "SELECT 1 FROM events WHERE timestamp < ?1 LIMIT 1",
    "old_contacts": "SELECT 1 FROM contacts WHERE created < ?1 LIMIT 1",
    "old_group_contacts": "SELECT 1 FROM group_contacts WHERE group_id < (?1 - 1704067200000) << 22 LIMIT 1",
    "old_groups": "SELECT 1 FROM groups WHERE group_id < (?1 - 1704067200000) << 22 LIMIT 1",
    "old_suppressions": "SELECT 1 FROM suppressions WHERE created < ?1 LIMIT 1",
    # The next few ids from before a time, each with whether the store has an event of it.
    "old_messages": """
        SELECT message_id, EXISTS (SELECT 1 FROM events e WHERE e.transmission_id = m.transmission_id)
        FROM messages m WHERE message_id > ?2 AND message_id < (?1 - 1704067200000) << 22
        ORDER BY message_id LIMIT ?3""",
    "old_transmissions": """
        SELECT transmission_id, EXISTS (SELECT 1 FROM events e WHERE e.transmission_id = t.transmission_id)
        FROM transmissions t WHERE transmission_id > ?2 AND transmission_id < (?1 - 1704067200000) << 22
        ORDER BY transmission_id LIMIT ?3""",
}
