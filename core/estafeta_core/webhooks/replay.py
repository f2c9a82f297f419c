"""Events a second time: those of a span of time, or of one transmission.

They are put into the webhook's outbox again, and come in new batches with the ids they had: a receiver that
keeps `event_id` knows which it has. Raises FormError for what cannot be replayed.
"""

from estafeta_core.store import Store
from estafeta_core.store.outgoing_rows import Replay, Webhook
from estafeta_core.store.reader import LATEST
from estafeta_core.webhooks.form import FormError

EVENTS = 20_000  # at a time: one transaction, for which every other writer waits some 0.2 s


def replay(
    store: Store, webhook: Webhook, *, since: int = 0, until: int = LATEST, transmission: str = ""
) -> int:
    """Have events posted again and return how many; times are Unix milliseconds.

    `transmission` is a transmission id, a message id or a queue id.
    """
    if not webhook.active:
        raise FormError("active: a webhook that is not active gets nothing")
    found = store.find_transmission(transmission) if transmission else None
    if transmission and (found is None or found.account != webhook.account):
        raise FormError("transmission_id: no such transmission")
    asked = Replay(webhook.webhook_id, since, until, found.transmission_id if found else None)
    count = store.wanted(asked, EVENTS + 1)
    if count > EVENTS:
        raise FormError(f"from: more than {EVENTS} events; take a shorter time")
    store.record([asked])
    return count
