import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core.headers import Header
from estafeta_milter.handlers import drop_control_headers
from estafeta_testing.office import FROM, make_job, make_message


@pytest.mark.parametrize(
    "name",
    [
        "X-MSYS-API",
        "x-msys-api",
        "X-Msys-Api ",
        "X-MSYS-API\t",
        "X-Estafeta-Job",
        "x-estafeta-",
        "X-ESTAFETA-a",
        "X-Teenvio-Language",
        "x-teenvio-whatever",
        "X-SMTPAPI",
        "x-smtpapi ",
        "X-Mailgun-Tag",
        "X-MC-Tags",
        "x-mc-whatever ",
        "X-PM-Metadata-a",
        "X-MJ-CustomID",
        "X-MAILJET-Campaign",
        "X-Mailin-custom",
        "X-SES-Whatever",
    ],
)
def test_d10_control_headers_and_ours_go_however_they_are_written(name: str) -> None:
    message = make_message(
        headers=(FROM, Header(name, b"x"), Header("To", b"a@b.example"), Header(name, b"y"))
    )
    names = [header.name for header in drop_control_headers.apply(message, make_job()).headers]
    assert names == ["From", "To"]


@pytest.mark.parametrize(
    "name", ["X-MSYS-API2", "XX-MSYS-API", "X-Estafeta", "X-Teenvio", "MSYS-API", "Subject"]
)
def test_other_fields_stay(name: str) -> None:
    message = make_message(headers=(FROM, Header(name, b"x")))
    assert drop_control_headers.apply(message, make_job()) is message


@pytest.mark.parametrize("name", ["X-Tag", "x-tag ", "X-Metadata-User-ID"])
def test_names_that_many_use_go_where_the_dialect_says_so_alone(name: str) -> None:
    message = make_message(headers=(FROM, Header(name, b"x")))
    assert drop_control_headers.apply(message, make_job()) is message
    job = make_job(control_headers=frozenset({"x-tag"}), control_prefixes=("x-metadata-",))
    assert drop_control_headers.apply(message, job).headers == (FROM,)


@given(st.lists(st.sampled_from(["X-MSYS-API", "X-Estafeta-Job", "Subject", "To"]), max_size=8))
def test_what_stays_are_the_same_fields_in_their_order(names: list[str]) -> None:
    fields = [Header(name, b"x") for name in names]
    left = drop_control_headers.apply(make_message(headers=tuple(fields)), make_job()).headers
    assert [id(field) for field in left] == [id(field) for field in fields if field.name in ("Subject", "To")]
