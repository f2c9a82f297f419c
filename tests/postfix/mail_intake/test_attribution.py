from estafeta_core.store import Store
from estafeta_core.store.rows import Message, Transmission
from estafeta_postfix.mail_intake.attribution import copies
from estafeta_testing.stored import make_rows


def accepted(store: Store, *recipients: str) -> tuple[int, dict[str, int]]:
    """Record a message; return its transmission and the message of each recipient."""
    rows = make_rows(*recipients)
    store.record(rows)
    assert isinstance(rows[0], Transmission)
    return rows[0].transmission_id, {row.rcpt_to: row.message_id for row in rows if isinstance(row, Message)}


def found(store: Store, id_: int, *recipients: str, shared: bool) -> list[str]:
    return [copy.message.rcpt_to for copy in copies(store, id_, recipients, shared=shared)]


def test_a_token_of_one_copy_needs_no_recipient(store: Store) -> None:
    _, messages = accepted(store, "a@example.net", "b@example.net")
    for named in ((), ("other@example.org",), ("b@example.net",)):
        assert found(store, messages["a@example.net"], *named, shared=False) == ["a@example.net"]


def test_a_shared_token_is_for_those_of_its_recipients_that_are_named(store: Store) -> None:
    transmission, _ = accepted(store, "a@example.net", "b@example.net")
    named = ("A@Example.NET", "a@example.net", "stranger@example.net")
    assert found(store, transmission, *named, shared=True) == ["a@example.net"]
    assert found(store, transmission, shared=True) == []


def test_a_name_that_was_guessed_from_words_has_to_be_right(store: Store) -> None:
    _, messages = accepted(store, "a@example.net")
    for name, right in (("A@example.net", True), ("b@example.net", False)):
        found = copies(store, messages["a@example.net"], [name], shared=False, guessed=True)
        assert bool(found) is right


def test_a_recipient_of_another_transmission_is_nobody(store: Store) -> None:
    first, _ = accepted(store, "a@example.net")
    accepted(store, "b@example.net")
    assert found(store, first, "b@example.net", shared=True) == []


def test_what_the_store_does_not_know_is_nobodys(store: Store) -> None:
    transmission, messages = accepted(store, "a@example.net")
    assert found(store, 12345, "a@example.net", shared=False) == []
    assert found(store, transmission, "a@example.net", shared=False) == []
    assert found(store, messages["a@example.net"], "a@example.net", shared=True) == []
