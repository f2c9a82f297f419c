"""What a connection asks of the server, how long it waits, and what it says when something is wrong."""

import time
from urllib.parse import quote

import psycopg
import pytest

from estafeta_core.store.errors import StoreUnavailable, StoreUnfit
from estafeta_core.store.postgresql import connecting
from estafeta_core.store.postgresql.connecting import connect, name, translated
from estafeta_testing.postgresql import Cluster


def test_the_name_of_a_store_has_no_password() -> None:
    assert name("postgresql://me:s3cret@db.example:5433/mail?sslmode=verify-full") == (
        "postgresql://db.example:5433/mail"
    )
    assert name("postgresql:///mail?host=/run/postgresql&user=me&password=s3cret") == (
        "postgresql:///run/postgresql/mail"
    )


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:TOP@SECRET@127.0.0.1:5432/mail",
        "postgresql://me:TOP/SECRET@127.0.0.1:5432/mail",
        "postgresql://me:TOP:SECRET/more@127.0.0.1/mail",
        "postgresql://me@corp:SECRET@127.0.0.1/mail",
        "postgresql://127.0.0.1:SECRET/mail",
        "postgresql:///mail?SECRET=x",
    ],
)
def test_a_password_that_libpq_takes_for_something_else_is_refused_and_not_told(url: str) -> None:
    with pytest.raises(ValueError, match="write @ / : % as %40 %2F %3A %25") as caught:
        name(url)
    assert "SECRET" not in str(caught.value)


def test_several_servers_may_each_have_a_port() -> None:
    assert name("postgresql://a.example:5432,b.example/mail").startswith(
        "postgresql://a.example,b.example:5432,"
    )


def test_a_reader_cannot_write_and_a_writer_waits_for_the_disk(url: str) -> None:
    with (
        connect(url, 5.0, read_only=True) as connection,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        connection.script("CREATE TABLE t (a int)")
    with connect(url, 5.0) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchall() == [("on",)]
        assert connection.execute("SHOW statement_timeout").fetchall() == [("4500ms",)]  # before we give up
        assert connection.execute("SELECT $1, $2", [5, "a"]).fetchall() == [(5, "a")]


def test_a_question_that_the_server_never_answers_ends(url: str, cluster: Cluster) -> None:
    with connect(url, 5.0) as connection:
        connection.patience = 0.3
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.3 s"), translated():
            connection.execute("SELECT pg_sleep(20)")
        assert time.monotonic() - begun < 10
        connection.close()


def test_an_error_is_one_line_without_a_password(url: str) -> None:
    wrong = url.replace("/postgres?", "/nowhere?") + "&password=" + quote("s3cret")
    with pytest.raises(StoreUnavailable, match=r'database "nowhere" does not exist') as caught, translated():
        connect(wrong, 5.0)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_database_in_another_encoding_is_refused_with_what_to_do(cluster: Cluster) -> None:
    cluster.sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(StoreUnfit, match="encoding LATIN1, and mail needs UTF8: make another with createdb"):
        connect(cluster.url("latin"), 5.0)


def test_a_server_that_is_too_old_is_refused_with_what_to_do(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "OLDEST", 990_000)
    with pytest.raises(StoreUnfit, match=r"the server is PostgreSQL \d+, and Estafeta needs 99 or newer"):
        connect(url, 5.0)
