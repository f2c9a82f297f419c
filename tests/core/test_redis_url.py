import pytest

from estafeta_core.redis_url import RedisPlace, parse


def place(
    host: str = "h",
    port: int = 6379,
    path: str = "",
    *,
    tls: bool = False,
    login: str = ":",
    database: int = 0,
) -> RedisPlace:
    username, _, password = login.partition(":")
    return RedisPlace(host, port, path, tls, username, password, database)


@pytest.mark.parametrize(
    ("url", "expected", "shown"),
    [
        ("redis://h", place(), "h:6379"),
        ("redis://h/", place(), "h:6379"),
        ("redis://:p%40%2Fx@h:7/3", place(port=7, login=":p@/x", database=3), "h:7"),
        ("rediss://u:p@[2001:db8::1]:1", place("2001:db8::1", 1, tls=True, login="u:p"), "2001:db8::1:1"),
        ("unix:///run/valkey.sock", place("", 0, "/run/valkey.sock"), "unix:///run/valkey.sock"),
        ("unix://u:p@/a%20b?db=2", place("", 0, "/a b", login="u:p", database=2), "unix:///a b"),
    ],
)
def test_a_url_names_a_place_which_is_shown_without_its_login(
    url: str, expected: RedisPlace, shown: str
) -> None:
    assert parse(url) == expected
    assert str(expected) == shown
    assert "password" not in repr(expected)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "redis",
        "redis://",
        "http://u:s3cret@h",
        "redis://h/x",
        "redis://u:s3cret@h:99999",
        "redis://u:s3cret@h..example",
        f"redis://u:s3cret@{'h' * 64}.example",
        "redis://u:s3cret#@h",
        "redis://u:s3cret/x@h",
        "redis://u:s3cret[@h",
        "redis://u:s3cret@h?db=1",
        "unix://h/path",
        "unix://u:s3cret@/path?db=x",
    ],
)
def test_what_is_no_url_of_a_server_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(ValueError, match="is not where a Redis server is") as caught:
        parse(url)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
