import pytest

from estafeta_core.tokens import Kind
from estafeta_milter.handlers import envelope_sender
from estafeta_testing.office import LINKS, make_job, make_message


@pytest.mark.parametrize("domain", ["bounce.example.com", "bounces.acme.example"])
@pytest.mark.parametrize("rcpt_to", ["alice@example.net", None])
def test_s53_s54_bounces_come_back_to_the_chosen_domain_and_name_their_message(
    domain: str, rcpt_to: str | None
) -> None:
    job = make_job(return_path_domain=domain, rcpt_to=rcpt_to)
    sender = envelope_sender.apply(make_message(), job).sender
    token = LINKS.read_bounce_address(sender)
    assert sender.endswith("@" + domain)
    assert token is not None
    assert (token.kind, token.id, token.shared) == (Kind.BOUNCE, 4711, rcpt_to is None)
    assert len(sender.partition("@")[0]) <= 64  # RFC 5321 section 4.5.3.1.1
