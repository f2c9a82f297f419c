from estafeta_postfix.render.service import Service


def test_a_service_is_its_line_and_a_line_for_each_override() -> None:
    service = Service("name", "smtpd", kind="inet", private="n", options={"a": "b c", "d": ""})
    assert str(service) == "name inet n - n - - smtpd\n  -o { a = b c }\n  -o { d =  }\n"


def test_no_service_runs_in_the_chroot() -> None:
    assert str(Service("name", "smtp")).split()[4] == "n"
