import pytest

from estafeta_core.identity import Entry
from estafeta_core.store import RowsRefused, Store
from estafeta_core.store import accounts as module
from estafeta_core.store.account_rows import AccountsChanged, AccountText, put
from estafeta_core.store.accounts import Changed, KeptText

KEY = Entry("ab" * 32, "key", "sparkpost")
NAME = Entry("prod", "username", "teenvio")


def write(store: Store, account: str, before: int, text: bytes | None, *entries: Entry) -> None:
    value = None if text is None else b'"%b"' % text
    store.record([AccountsChanged(), *put(AccountText(account, before, text, value), entries)])


def test_a_text_is_kept_byte_for_byte(store: Store) -> None:
    text = bytes(range(256))
    write(store, "acme", 0, text)
    assert store.account_text("acme") == KeptText("acme", 1, text)
    assert store.account_text("other") is None
    assert list(store.account_texts()) == [KeptText("acme", 1, text)]


def test_what_has_changed_since_is_told_in_order_removals_too(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    for number, name in enumerate("abcde"):
        write(store, name, 0, b"1")
        assert store.accounts_change() == number + 1
    write(store, "b", 2, b"2")
    write(store, "d", 4, None)
    assert [each.account for each in store.accounts_since(0)] == ["a", "c", "e", "b", "d"]
    assert list(store.accounts_since(5)) == [Changed("b", 6, b'"2"'), Changed("d", 7, None)]
    assert list(store.accounts_since(7)) == []
    assert [each.account for each in store.account_texts()] == list("abcde")


def test_who_read_an_older_text_writes_nothing(store: Store) -> None:
    write(store, "acme", 0, b"1")
    write(store, "acme", 1, b"2")
    for before in (0, 1):
        with pytest.raises(RowsRefused):
            write(store, "acme", before, b"3")
    assert store.account_text("acme") == KeptText("acme", 2, b"2")
    assert store.accounts_change() == 2


def test_two_accounts_do_not_have_the_same_key_or_user_name(store: Store) -> None:
    write(store, "a", 0, b"1", KEY, NAME)
    assert store.holders([KEY, NAME, Entry("x", "key", "sparkpost")]) == {KEY: "a", NAME: "a"}
    for entry in (KEY, NAME):
        with pytest.raises(RowsRefused):
            write(store, "b", 0, b"1", entry)
    assert store.account_text("b") is None
    write(store, "b", 0, b"1", KEY._replace(dialect="perfit"))
    write(store, "a", 1, b"2", KEY)  # the name is free now
    write(store, "c", 0, b"1", NAME)
    assert store.holders([KEY, NAME]) == {KEY: "a", NAME: "c", KEY._replace(dialect="perfit"): "b"}


def test_a_key_may_go_from_one_account_to_another_in_one_change(store: Store) -> None:
    write(store, "a", 0, b"1", KEY)
    rows = [*put(AccountText("a", 1, b"2", b"2"), ()), *put(AccountText("b", 0, b"1", b"1"), (KEY,))]
    store.record([AccountsChanged(), *rows])
    assert store.holders([KEY]) == {KEY: "b"}
