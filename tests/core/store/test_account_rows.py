from estafeta_core.identity import Entry
from estafeta_core.store.account_rows import AccountEntry, AccountText, EntriesCleared, put


def test_an_account_is_written_with_its_entries_and_no_others() -> None:
    text = AccountText("acme", 0, b"account: acme\n", b"{}")
    entry = Entry("prod", "username", "teenvio")
    assert put(text, [entry]) == [EntriesCleared("acme"), text, AccountEntry("acme", entry)]
