from estafeta_core.config.schema import Listener
from estafeta_postfix.proxy_protocol import introduction


def test_a_listener_behind_a_proxy_is_told_that_the_connection_is_the_proxys_own() -> None:
    listener = Listener(dialects=("sparkpost",), port=587, proxy_protocol=True)
    assert introduction(listener).hex(" ") == "0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a 20 00 00 00"


def test_any_other_listener_is_told_nothing() -> None:
    assert introduction(Listener(dialects=("sparkpost",), port=587)) == b""
