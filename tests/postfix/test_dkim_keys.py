from pathlib import Path

import pytest

from estafeta_core.config.accounts import Account, Dkim, DkimKey, Domain
from estafeta_milter.dkim.keys import KeyFileError, read
from estafeta_postfix.dkim_keys import STRING_LIMIT, Kind, configured, make, of_account, zone_line
from estafeta_testing.signatures import key_file

KEYS: dict[str, DkimKey | str] = {
    "s1": DkimKey(file=key_file("rsa"), selector="s1"),
    "gone": DkimKey(file=Path("/gone.pem"), selector="s2", verified=False),
}
ACCOUNTS = {
    name: Account(
        account=name,
        dialect="sparkpost",
        domains={"acme.example": Domain(dkim=Dkim(keys=KEYS)), "plain.example": Domain()},
    )
    for name in ("b", "a")
}


@pytest.mark.parametrize(("kind", "bits"), [("rsa", 2048), ("rsa", 3072), ("ed25519", 256)])
def test_a_new_key_signs(tmp_path: Path, kind: Kind, bits: int) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(make(kind, bits))
    assert (read(file).algorithm, read(file).bits) == (f"{kind}-sha256", bits)
    assert make(kind) != make(kind)


def test_every_key_of_every_account_is_found() -> None:
    found = list(configured(ACCOUNTS))
    assert [(each.account, each.name, each.place) for each in found] == [
        ("a", "s1", "s1._domainkey.acme.example"),
        ("a", "gone", "s2._domainkey.acme.example"),
        ("b", "s1", "s1._domainkey.acme.example"),
        ("b", "gone", "s2._domainkey.acme.example"),
    ]
    assert found[:2] == list(of_account(ACCOUNTS["a"]))
    assert found[0].read().record() == read(key_file("rsa")).record()
    with pytest.raises(KeyFileError, match="cannot be read"):
        found[1].read()


def test_a_long_record_is_divided_into_strings_that_dns_takes() -> None:
    record = read(key_file("rsa")).record()
    line = zone_line("s1._domainkey.acme.example", record)
    strings = line.split('"')[1::2]
    assert line.startswith('s1._domainkey.acme.example. IN TXT ( "v=DKIM1; k=rsa; p=')
    assert "".join(strings) == record
    assert max(map(len, strings)) == STRING_LIMIT
