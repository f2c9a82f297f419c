"""Everything that is written into the store, in SQL; `statements` has the values. Each is one row's.

The order is that in which a transaction runs them: what a token speaks of comes before its events.
"""

# Unix milliseconds by the clock of the store; `postgresql.sql` has the server's.
NOW = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"

STATEMENTS = {
    "lease_taken": f"""INSERT INTO leases VALUES (?1, ?2, {NOW} + ?3)
        ON CONFLICT (name) DO UPDATE SET node = excluded.node, until = excluded.until
        WHERE leases.node = excluded.node OR leases.until <= {NOW}""",  # noqa: S608 - a constant
    # NULL is refused, and with it the whole submission. The row stays locked until its transaction is over,
    # so that nobody takes the lease between this look and the commit.
    "lease_held": f"""UPDATE leases SET until = CASE WHEN node = ?2 AND until > {NOW} THEN until END
        WHERE name = ?1""",  # noqa: S608 - a constant
    "transmission": "INSERT INTO transmissions VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    "message": "INSERT INTO messages VALUES (?,?,?,?,?)",
    "event": "INSERT INTO events VALUES (?,?,?,?,?,?,?,?)",
    "token_event": """INSERT INTO events
        SELECT ?1, ?2, ?3, transmission_id, message_id, account, subaccount, ?4
        FROM messages JOIN transmissions USING (transmission_id)
        WHERE message_id = ?5 AND rcpt_to <> 'erased@invalid'
        AND (?2 NOT IN ('open', 'initial_open') OR NOT EXISTS (SELECT 1 FROM suppressions s
            WHERE s.account = transmissions.account AND s.subaccount = coalesce(transmissions.subaccount, '')
            AND s.recipient = rcpt_to AND s.type = 'open_tracking'))
        ON CONFLICT DO NOTHING""",
    "shared_token_event": """INSERT INTO events
        SELECT ?1, ?2, ?3, transmission_id, NULL, account, subaccount, ?4
        FROM transmissions WHERE transmission_id = ?5 ON CONFLICT DO NOTHING""",
    "automated": """UPDATE events SET data = json_insert(data, '$.automated', ?2) WHERE event_id = ?1""",
    "lifted": """DELETE FROM suppressions
        WHERE account = ?1 AND subaccount = ?2 AND recipient = ?3 AND type = ?4""",
    "renewal": """INSERT INTO suppressions VALUES (?,?,?,?,?,?,?,?)
        ON CONFLICT (account, subaccount, recipient, type) DO UPDATE
        SET source = excluded.source, description = excluded.description, updated = excluded.updated""",
    "suppression": """INSERT INTO suppressions VALUES (?,?,?,?,?,?,?,?)
        ON CONFLICT (account, subaccount, recipient, type) DO NOTHING""",
    "unsubscribed": """INSERT INTO suppressions
        SELECT account, coalesce(subaccount, ''), rcpt_to,
               CASE WHEN transactional <> 0 THEN 'transactional' ELSE 'non_transactional' END, ?1, ?2, ?3, ?3
        FROM messages JOIN transmissions USING (transmission_id)
        WHERE message_id = ?4 AND rcpt_to <> 'erased@invalid' ON CONFLICT DO NOTHING""",
    "bounced": """INSERT INTO suppressions
        SELECT account, coalesce(subaccount, ''), rcpt_to, json_each.value, ?1, ?2, ?3, ?3
        FROM messages JOIN transmissions USING (transmission_id)
        CROSS JOIN json_each('["transactional","non_transactional"]')
        WHERE message_id = ?4 AND rcpt_to <> 'erased@invalid' ON CONFLICT DO NOTHING""",
    "log_position": """INSERT INTO log_positions VALUES (?,?,?)
        ON CONFLICT (log) DO UPDATE SET "offset" = excluded."offset", inode = excluded.inode""",
    "tag": "INSERT INTO tags VALUES (?,?) ON CONFLICT DO NOTHING",
    "file": """INSERT INTO files VALUES (?1,?2,?3,?4)
        ON CONFLICT (account, digest) DO UPDATE SET kept = excluded.kept WHERE excluded.kept > files.kept""",
    "content": "INSERT INTO contents VALUES (?,?,?,?,?,?)",
    "group": "INSERT INTO groups VALUES (?,?,?,?,?)",
    "contact": "INSERT INTO contacts VALUES (?,?,?) ON CONFLICT DO NOTHING",
    "group_contact": "INSERT INTO group_contacts VALUES (?,?) ON CONFLICT DO NOTHING",
    "requeued": """INSERT INTO requeued VALUES (?1,?2,?3,?4)
        ON CONFLICT (queue_id) DO UPDATE
        SET message_id = coalesce(excluded.message_id, requeued.message_id)""",
    "forget_files": """DELETE FROM files WHERE (account, digest) IN
        (SELECT account, digest FROM files WHERE kept < ?1 ORDER BY kept LIMIT ?2)""",
    "forget_contents": """DELETE FROM contents WHERE transmission_id IN
        (SELECT transmission_id FROM contents WHERE created < ?1 ORDER BY created LIMIT ?2)""",
    "forget_requeued": """DELETE FROM requeued WHERE queue_id IN
        (SELECT queue_id FROM requeued WHERE time < ?1 ORDER BY time LIMIT ?2)""",
    "forget_events": """DELETE FROM events WHERE event_id IN
        (SELECT event_id FROM events WHERE timestamp < ?1 ORDER BY timestamp LIMIT ?2)""",
    "forget_messages": """DELETE FROM messages WHERE message_id > ?1 AND message_id <= ?2
        AND NOT EXISTS (SELECT 1 FROM events e WHERE e.transmission_id = messages.transmission_id)""",
    "forget_transmissions": """DELETE FROM transmissions WHERE transmission_id > ?1 AND transmission_id <= ?2
        AND NOT EXISTS (SELECT 1 FROM events e WHERE e.transmission_id = transmissions.transmission_id)
        AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.transmission_id = transmissions.transmission_id)""",
    "forget_contacts": """DELETE FROM contacts WHERE (account, address) IN
        (SELECT account, address FROM contacts WHERE created < ?1 ORDER BY created LIMIT ?2)""",
    "forget_group_contacts": """DELETE FROM group_contacts WHERE (group_id, address) IN
        (SELECT group_id, address FROM group_contacts WHERE group_id < (?1 - 1704067200000) << 22
         ORDER BY group_id LIMIT ?2)""",
    "forget_groups": """DELETE FROM groups WHERE group_id IN
        (SELECT group_id FROM groups WHERE group_id < (?1 - 1704067200000) << 22
         ORDER BY group_id LIMIT ?2)""",
    "forget_suppressions": """DELETE FROM suppressions WHERE (account, subaccount, recipient, type) IN
        (SELECT account, subaccount, recipient, type FROM suppressions WHERE created < ?1
         ORDER BY created LIMIT ?2)""",
    "forget_batches": """DELETE FROM webhook_batches WHERE batch_id IN
        (SELECT batch_id FROM webhook_batches WHERE state <> 'waiting' AND tried < ?1
        ORDER BY tried LIMIT ?2)""",
    "webhook": """INSERT INTO webhooks VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,NULL,NULL)
        ON CONFLICT (webhook_id) DO UPDATE SET name = excluded.name, target = excluded.target,
        active = excluded.active, events = excluded.events, exceptions = excluded.exceptions,
        settings = excluded.settings, secret = excluded.secret""",
    "webhook_removed": "DELETE FROM webhooks WHERE webhook_id = ?1",
    "batch": """INSERT INTO webhook_batches SELECT ?1,webhook_id,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12
        FROM webhooks WHERE webhook_id = ?2""",
    "batch_tried": """UPDATE webhook_batches SET state = ?2, next_attempt = ?3, attempts = attempts + 1,
        tried = ?4, latency = ?5, response_code = ?6, failure = ?7
        WHERE batch_id = ?1 AND state <> 'delivered'""",
    "replay": """INSERT INTO outbox SELECT webhook_id, event_id FROM webhook_wants
        WHERE webhook_id = ?1 AND account = (SELECT account FROM webhooks WHERE webhook_id = ?1)
        AND timestamp >= ?2 AND timestamp < ?3 ON CONFLICT DO NOTHING""",
    "replay_transmission": """INSERT INTO outbox SELECT webhook_id, event_id FROM webhook_wants
        WHERE webhook_id = ?1 AND timestamp >= ?2 AND timestamp < ?3 AND transmission_id = ?4
        ON CONFLICT DO NOTHING""",
    "suspension": "INSERT INTO credential_suspensions VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
    "suspension_lifted": """UPDATE credential_suspensions SET until = ?3
        WHERE coalesce(until, 0) = 0 AND account = ?1 AND credential = ?2""",
    "domain_awaited": """INSERT INTO domain_checks
        VALUES (?1,?2,?3,?4,'unverified',?5,NULL,NULL,'',?6,0) ON CONFLICT DO NOTHING""",
    "domain_checked": """UPDATE domain_checks SET state = ?5, since = ?6, missing = ?7, checked = ?8,
        answer = ?9, due = ?10, change = CASE WHEN state = ?5 THEN change
            ELSE 1 + coalesce((SELECT max(d.change) FROM domain_checks d), 0) END
        WHERE account = ?1 AND domain = ?2 AND key = ?3 AND coalesce(checked, -1) = coalesce(?4, -1)""",
    "lease_released": "UPDATE leases SET until = 0 WHERE name = ?1 AND node = ?2",
    # Accounts: the row of the change first, whose lock orders all who write them.
    "accounts_changed": "UPDATE accounts_change SET change = change + 1 WHERE id = 1",
    "entries_cleared": "DELETE FROM account_entries WHERE account = ?1",
    # NULL is refused, as above: somebody else has changed the account meanwhile.
    "account_text": """INSERT INTO accounts
        VALUES (?1, (SELECT change FROM accounts_change WHERE id = 1), ?3, ?4)
        ON CONFLICT (account) DO UPDATE SET text = excluded.text, value = excluded.value,
        change = CASE WHEN accounts.change = ?2 THEN excluded.change END""",
    "account_entry": "INSERT INTO account_entries VALUES (?,?,?,?)",
    "count": """INSERT INTO counters VALUES (?1,?2,?3)
        ON CONFLICT (counter, label) DO UPDATE SET number = counters.number + excluded.number""",
}
