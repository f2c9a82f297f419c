"""Whether mail left over TLS, from the log of Postfix's own smtp(8)."""

import subprocess
import time

from estafeta_testing import sandbox as testing
from estafeta_testing.relay import SENDER, Relay

MESSAGE = f"From: {SENDER}\r\nSubject: tls\r\n\r\nHello.\r\n".encode()


def test_an_event_says_whether_its_mail_went_over_tls() -> None:
    """The intake offers STARTTLS and relays nothing; the capture server plays hosts that do not offer it."""
    with testing.running() as running:
        relay = Relay(running.description)
        conf = str(running.dir / "postfix" / "conf")
        transport = f"transport_maps=inline:{{{{tls.example=smtp:[127.0.0.1]:{running.bounce_smtp[1]}}}}}"
        subprocess.run(["/usr/sbin/postconf", "-c", conf, "-e", transport], check=True)
        subprocess.run(["/usr/sbin/postfix", "-c", conf, "reload"], check=True, stderr=subprocess.DEVNULL)
        _, bounce = relay.events(relay.send(MESSAGE, "a@tls.example"), "injection", "bounce")
        time.sleep(
            2.1
        )  # the log has whole seconds, and of what may have begun before it was read nothing is said
        _, delivery = relay.events(relay.send(MESSAGE, "a@clear.example"), "injection", "delivery")
    assert (bounce["outbound_tls"], bounce["outbound_host"]) == ("1", "127.0.0.1")
    assert (bounce["bounce_class"], bounce["routing_domain"]) == ("54", "tls.example")
    assert (delivery["outbound_tls"], delivery["outbound_host"]) == ("0", "127.0.0.1")
    assert delivery["outbound_response"].startswith("250 ")
