"""Sends one message with Django's e-mail backend, configured as Emitlo's page says.

Use: SSL_CERT_FILE=CA python django_mail.py JSON
     {host, port, username, password, from, to, subject, text, html}
"""

import json
import sys

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

asked = json.loads(sys.argv[1])
settings.configure(
    EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
    EMAIL_HOST=asked["host"],
    EMAIL_PORT=asked["port"],
    EMAIL_USE_TLS=True,
    EMAIL_HOST_USER=asked["username"],
    EMAIL_HOST_PASSWORD=asked["password"],
    DEFAULT_FROM_EMAIL=asked["from"],
    USE_I18N=False,
)
message = EmailMultiAlternatives(asked["subject"], asked["text"], to=asked["to"])
message.attach_alternative(asked["html"], "text/html")
if message.send() != 1:
    sys.exit("Django has sent nothing")
