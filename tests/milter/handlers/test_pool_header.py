from estafeta_core.headers import Header
from estafeta_milter.handlers import drop_control_headers, pool_header
from estafeta_testing.office import FROM, make_job, make_message


def test_s36_the_field_names_the_pool_behind_all_others() -> None:
    made = pool_header.apply(make_message(headers=(FROM,)), make_job(pool="marketing"))
    assert made.headers == (FROM, Header("X-Estafeta-Pool", b"marketing"))


def test_d11_the_clients_own_is_gone_before() -> None:
    forged = tuple(Header(name, b"alerts") for name in ("X-Estafeta-Pool", "x-estafeta-pool "))
    job = make_job(pool="marketing")
    made = pool_header.apply(drop_control_headers.apply(make_message(headers=(FROM, *forged)), job), job)
    assert made.headers == (FROM, Header("X-Estafeta-Pool", b"marketing"))
