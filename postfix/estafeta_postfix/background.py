"""A thread that works beside others in one process, from `start` to `stop`; it is used once."""

import abc
import threading


class Background(abc.ABC):
    """A thread; who inherits says in `run` what it does."""

    def __init__(self, name: str) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self.run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Stop after what is in hand; give up after `timeout` seconds, as the disk may stand still."""
        self._stopping.set()
        self._thread.join(timeout)

    @abc.abstractmethod
    def run(self) -> None:
        """Work until `_stopping` is set; nothing is raised, as nobody would hear of it."""
