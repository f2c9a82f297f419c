"""Everybody else's mail server, as a program: takes all mail into a Maildir.

python -m estafeta_hosts.world FOLDER ADDRESS PORT
"""

import asyncio
import sys
from pathlib import Path

from estafeta_postfix.capture.outbox import Outbox
from estafeta_postfix.capture.server import serve


async def run(folder: Path, address: str, port: int) -> None:
    """Serve until the process is stopped."""
    async with await serve(Outbox(folder), address, port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
