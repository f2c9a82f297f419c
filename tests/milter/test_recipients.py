import pytest

from estafeta_core.options import Addressee, Options
from estafeta_core.recipients import Recipient
from estafeta_milter.recipients import recipients


def listed(*addresses: str) -> tuple[Addressee, ...]:
    return tuple(Addressee(address, address.partition("@")[0].title()) for address in addresses)


def test_one_recipient_and_no_lists() -> None:
    assert recipients(("Alice@example.net",), Options()) == (Recipient("Alice@example.net"),)


def test_s39_everybody_on_a_list_gets_a_copy_behind_those_of_rcpt_to() -> None:
    options = Options(cc=listed("c@x.example"), bcc=listed("b@x.example"), archive=listed("a@x.example"))
    assert recipients(("bob@x.example", "alice@x.example"), options) == (
        Recipient("bob@x.example"),
        Recipient("alice@x.example"),
        Recipient("c@x.example", "cc", "C"),
        Recipient("b@x.example", "bcc", "B"),
        Recipient("a@x.example", "archive", "A"),
    )


SPELLINGS = (
    "Bob@b\u00fccher.example",
    "bob@xn--bcher-kva.example",
    "BOB@B\u00dcCHER.example",
    "bob@XN--BCHER-KVA.EXAMPLE",
)


@pytest.mark.parametrize(
    ("rcpt_to", "cc", "bcc", "archive", "kind"),
    [
        (SPELLINGS[0], SPELLINGS[1], SPELLINGS[2], SPELLINGS[3], ""),
        ("x@x.example", SPELLINGS[3], SPELLINGS[1], SPELLINGS[0], "cc"),
        ("x@x.example", "y@x.example", SPELLINGS[2], SPELLINGS[3], "bcc"),
    ],
)
def test_s47_b14_a_mailbox_gets_one_copy_however_often_and_however_it_is_spelt(
    rcpt_to: str, cc: str, bcc: str, archive: str, kind: str
) -> None:
    options = Options(cc=listed(cc, cc), bcc=listed(bcc), archive=listed(archive, archive))
    found = recipients((rcpt_to, rcpt_to.upper()), options)
    (bob,) = (each for each in found if each.address in SPELLINGS)
    assert bob.kind == kind
    assert len(found) == len({rcpt_to, cc, bcc, archive} - set(SPELLINGS)) + 1


def test_b14_what_only_looks_alike_is_another_mailbox() -> None:
    options = Options(cc=listed("bob+news@x.example", "b.ob@x.example", "bob@x.examples"))
    assert len(recipients(("bob@x.example",), options)) == 4


def test_s47_of_two_names_in_a_list_the_first_holds() -> None:
    options = Options(bcc=(Addressee("bob@x.example", "Bob"), Addressee("BOB@x.example", "Robert")))
    assert recipients(("a@x.example",), options)[1] == Recipient("bob@x.example", "bcc", "Bob")
