"""What a batch of lines of Postfix's log means; its parts have tests of their own."""

from collections.abc import Callable

from estafeta_core.ids import IdSource
from estafeta_core.store import Store
from estafeta_core.store.rows import Event, LogPosition
from estafeta_postfix.log_follower.maillog import MailLog
from estafeta_postfix.log_follower.reader import Chunk
from estafeta_postfix.log_follower.records import Recorder
from estafeta_postfix.log_follower.timestamp import Timestamps

LINE = (
    b"2026-11-20T13:52:35.174+00:00 mx postfix/smtp[1]: A1B2C3: to=<a@example.com>, relay=mx[192.0.2.1]:25, "
    b"delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (250 Ok)"
)


def test_a_batch_of_lines_is_its_events(store: Store, inject: Callable[..., None]) -> None:
    inject("A1B2C3", "a@example.com")
    meaning = MailLog(Recorder(store, IdSource(), Timestamps()))
    rows = meaning.rows([b"nonsense", LINE, b""])
    assert [row.type for row in rows if isinstance(row, Event)] == ["delivery"]
    meaning.recorded(rows, LogPosition("log", 1, 1))


def test_how_far_it_is_behind_is_the_age_of_a_last_line_that_has_one(store: Store) -> None:
    meaning = MailLog(Recorder(store, IdSource(), Timestamps()))
    position = LogPosition("log", 1, 1)
    assert meaning._age(Chunk([LINE], position, full=True)) >= 0
    assert meaning._age(Chunk([b"nonsense"], position, full=True)) == 0
    meaning.looked(Chunk([LINE], position, full=True))
    meaning.looked(None)
