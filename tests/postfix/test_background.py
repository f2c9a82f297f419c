import threading
import time

from estafeta_postfix.background import Background


class Work(Background):
    def __init__(self, *, deaf: bool = False) -> None:
        super().__init__("work")
        self.let = threading.Event()
        self.ended = False
        self._deaf = deaf

    def run(self) -> None:
        (self.let if self._deaf else self._stopping).wait(20)
        self.ended = True


def test_it_works_until_it_is_stopped() -> None:
    work = Work()
    work.start()
    assert not work.ended
    work.stop(20)
    assert work.ended


def test_one_that_does_not_stop_is_not_waited_for() -> None:
    work = Work(deaf=True)
    work.start()
    began = time.monotonic()
    work.stop(0.05)
    assert time.monotonic() - began < 10
    assert not work.ended
    work.let.set()
