"""What programs ask over HTTP, under SparkPost's paths.

webhooks       /api/v1/webhooks: whereto events are posted
webhook_views  webhooks and batches as these answers show them
"""

from estafeta_web.api import webhooks

PLACES = (*webhooks.PLACES,)
