from estafeta_testing.office import make_job


def test_a_job_without_a_recipient_serves_several() -> None:
    assert make_job(rcpt_to=None).shared
    assert not make_job().shared
