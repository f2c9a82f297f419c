import socket
from pathlib import Path

import pytest

from estafeta_postfix.checks.listening import count


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_sockets_that_share_a_port_are_counted(family: socket.AddressFamily, address: str) -> None:
    with socket.socket(family) as one, socket.socket(family) as other:
        for each in (one, other):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind((address, 0))
        port = one.getsockname()[1]
        assert count(address, port) == 0, "bound, and not listening"
        one.listen()
        assert count(address, port) == 1
        other.bind((address, port))
        other.listen()
        assert count(address, port) == 2


def test_a_connection_is_no_listener(tmp_path: Path) -> None:
    table = tmp_path / "tcp"
    table.write_text(
        "  sl  local_address rem_address   st\n"
        "   0: 0100007F:0019 00000000:0000 0A 00000000:00000000\n"
        "   1: 0100007F:0019 0100007F:D431 01 00000000:00000000\n"
        "   2: 00000000:0019 00000000:0000 0A 00000000:00000000\n"
    )
    assert count("127.0.0.1", 25, table) == 1
