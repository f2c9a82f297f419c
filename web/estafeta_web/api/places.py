"""The table of the API's paths. The last word is the method; reading needs `events`, changing `manage`."""

from estafeta_web.api import events, metrics, suppressions, transmissions, webhook_views, webhooks
from estafeta_web.api.asking import asked
from estafeta_web.service import Place

_LIST = "/api/v1/suppression-list"
_METRICS = "/api/v1/metrics/deliverability"
_WEBHOOKS = webhook_views.PATH
_WEBHOOK = f"{_WEBHOOKS}/{{webhook_id}}"

PLACES = (
    Place("/api/v1/events/message", "api_events", asked("events", events.search)),
    Place(_LIST, "api_suppressions", asked("events", suppressions.search)),
    Place(_LIST, "api_suppressions", asked("manage", suppressions.put_many), "PUT"),
    Place(f"{_LIST}/", "api_suppressions", asked("events", suppressions.search)),
    Place(f"{_LIST}/", "api_suppressions", asked("manage", suppressions.put_many), "PUT"),
    Place(f"{_LIST}/summary", "api_suppressions", asked("events", suppressions.summary)),
    Place(f"{_LIST}/{{recipient:path}}", "api_suppression", asked("events", suppressions.show)),
    Place(f"{_LIST}/{{recipient:path}}", "api_suppression", asked("manage", suppressions.put), "PUT"),
    Place(f"{_LIST}/{{recipient:path}}", "api_suppression", asked("manage", suppressions.remove), "DELETE"),
    Place("/api/v1/transmissions/{id}", "api_transmission", asked("events", transmissions.show)),
    Place(_METRICS, "api_metrics", asked("events", metrics.total)),
    Place(f"{_METRICS}/time-series", "api_metrics", asked("events", metrics.time_series)),
    Place(f"{_METRICS}/domain", "api_metrics", asked("events", metrics.by_domain)),
    Place(f"{_METRICS}/campaign", "api_metrics", asked("events", metrics.by_campaign)),
    Place(f"{_METRICS}/bounce-reason", "api_metrics", asked("events", metrics.by_bounce_reason)),
    Place(f"{_METRICS}/rejection-reason", "api_metrics", asked("events", metrics.by_rejection_reason)),
    Place(_WEBHOOKS, "api_webhooks", asked("events", webhooks.index)),
    Place(_WEBHOOKS, "api_webhooks", asked("manage", webhooks.create), "POST"),
    Place(_WEBHOOK, "api_webhooks", asked("events", webhooks.show)),
    Place(_WEBHOOK, "api_webhooks", asked("manage", webhooks.change), "PUT"),
    Place(_WEBHOOK, "api_webhooks", asked("manage", webhooks.remove), "DELETE"),
    Place(f"{_WEBHOOK}/validate", "api_webhooks", asked("manage", webhooks.validate), "POST"),
    Place(f"{_WEBHOOK}/batch-status", "api_webhooks", asked("events", webhooks.batches)),
    Place(f"{_WEBHOOK}/replay", "api_webhooks", asked("manage", webhooks.replay), "POST"),
)
