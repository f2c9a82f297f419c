"""What the no-op milter does: every callback without a reply but the last.

Usage: python -m bench.contenders.noop_callbacks unix:SOCKET
"""

import sys

import Milter


class NoOp(Milter.Base):
    """Every callback that may go without a reply does."""

    @Milter.noreply
    def connect(self, _host: str, _family: str, _address: object) -> int:
        return Milter.CONTINUE

    @Milter.noreply
    def hello(self, _host: str) -> int:
        return Milter.CONTINUE

    @Milter.noreply
    def envfrom(self, _sender: str, *_parameters: str) -> int:
        return Milter.CONTINUE

    @Milter.noreply
    def envrcpt(self, _recipient: str, *_parameters: str) -> int:
        return Milter.CONTINUE

    @Milter.noreply
    def data(self) -> int:
        return Milter.CONTINUE

    @Milter.noreply
    def header(self, _name: str, _value: str) -> int:
        return Milter.CONTINUE

    @Milter.noreply
    def eoh(self) -> int:
        return Milter.CONTINUE

    @Milter.noreply
    def body(self, _chunk: bytes) -> int:
        return Milter.CONTINUE

    def eom(self) -> int:
        return Milter.ACCEPT


if __name__ == "__main__":
    Milter.factory = NoOp
    Milter.runmilter("noop", sys.argv[1])
