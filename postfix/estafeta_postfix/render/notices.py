"""What Postfix itself writes about mail: notices that quote the message, its header as it lies in the queue.

bounce(8) writes them, also to senders on other hosts (`return_path: keep`), and smtp(8) takes a field of ours
out of a message's own header alone. So a cleanup(8) of their own takes it out of the message that is quoted:

    message/rfc822          the message, as long as bounce_size_limit: fields of an attached message
    text/rfc822-headers     its header only: lines of a text, whose folds are known by their form

What goes to a return path of ours ends here: it tells what the log has told already, and at a customer's
domain, whose MX leads to us, it would run in a circle.
"""

from estafeta_postfix.render import intake
from estafeta_postfix.render.service import Service

CLEANUP = "estafeta-notices"

_OURS = "{/^X-Estafeta-/ IGNORE}"
# A job is folded into long lines of base64url; no other field has such lines.
_FOLDS = "{/^ [A-Za-z0-9_.-]{40,}$$/ IGNORE}"  # $$: one $, in a parameter


def services() -> list[Service]:
    """Return bounce(8) under each of its names, and the cleanup(8) of what it writes."""
    options = {"cleanup_service_name": CLEANUP, "internal_mail_filter_classes": "bounce"}
    names = ("bounce", "defer", "trace")
    return [*(Service(name, "bounce", process_limit="0", options=options) for name in names), _cleanup()]


def _cleanup() -> Service:
    return Service(
        name=CLEANUP,
        private="n",
        process_limit="0",
        command="cleanup",
        options={
            "syslog_name": f"postfix/{CLEANUP}",
            "header_checks": f"regexp:{{{{/^To: .*{intake.RETURN_PATH}@/ DISCARD the log has told it}}}}",
            "mime_header_checks": "",  # defaults to header_checks
            "nested_header_checks": f"regexp:{{{_OURS}}}",
            "body_checks": f"regexp:{{{_OURS}, {_FOLDS}}}",
        },
    )
