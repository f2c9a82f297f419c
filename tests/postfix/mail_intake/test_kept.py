from pathlib import Path

from estafeta_postfix.mail_intake.kept import Kept
from estafeta_postfix.mail_intake.mail import opened


def contents(folder: Path) -> list[bytes]:
    return [path.read_bytes().rpartition(b"\n")[2] for path in sorted((folder / "new").iterdir())]


def test_a_file_begins_with_the_envelope(tmp_path: Path) -> None:
    Kept(tmp_path / "intake").keep(opened("a@example.net", "postmaster@x", b"Subject: x\r\n\r\nraw \xff"))
    [path] = (tmp_path / "intake" / "new").iterdir()
    assert path.read_bytes() == (
        b"Return-Path: <a@example.net>\r\nDelivered-To: postmaster@x\r\nSubject: x\r\n\r\nraw \xff"
    )
    assert path.stat().st_mode & 0o077 == 0
    assert not list((tmp_path / "intake" / "tmp").iterdir())


def test_the_oldest_goes_first(tmp_path: Path) -> None:
    kept = Kept(tmp_path, messages=3)
    for number in range(10):
        kept.keep(opened("", "abuse@x", b"\n%d" % number))
    assert contents(tmp_path) == [b"7", b"8", b"9"]


def test_what_a_person_has_read_counts_too(tmp_path: Path) -> None:
    kept = Kept(tmp_path, messages=2)
    kept.keep(opened("", "abuse@x", b"\nfirst"))
    [path] = (tmp_path / "new").iterdir()
    path.rename(tmp_path / "cur" / f"{path.name}:2,S")
    for number in range(2):
        kept.keep(opened("", "abuse@x", b"\n%d" % number))
    assert not list((tmp_path / "cur").iterdir())
    assert contents(tmp_path) == [b"0", b"1"]


def test_bytes_are_bounded_and_the_newest_message_always_stays(tmp_path: Path) -> None:
    kept = Kept(tmp_path, limit=1000)
    for number in range(5):
        kept.keep(opened("", "abuse@x", b"\n%d" % number + b"x" * 600))
    assert [content[:1] for content in contents(tmp_path)] == [b"4"]
    kept.keep(opened("", "abuse@x", b"\n5" + b"x" * 5000))
    assert [content[:1] for content in contents(tmp_path)] == [b"5"]
