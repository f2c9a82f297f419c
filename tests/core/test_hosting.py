"""Kept files: whole or not there, under a name nobody chose, and not taken away while somebody keeps them."""

import errno
import hashlib
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from estafeta_core import hosting
from estafeta_core.hosting import NAME_BYTES, Shelf, file_name, sniff

CONTENT = b"%PDF-1.7 an attachment"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
LATER = time.time() + 3600


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def path_of(folder: Path, digest: str = DIGEST) -> Path:
    return folder / "hosted" / digest[:2] / digest


def age(path: Path, seconds: float = 7200) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)


# Kept and read


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.binary(max_size=5000))
def test_what_is_kept_is_read_back_the_same_and_lies_under_its_hash(tmp_path: Path, content: bytes) -> None:
    shelf = Shelf(tmp_path)
    digest = shelf.keep(content)
    assert digest == hashlib.sha256(content).hexdigest()
    assert shelf.read(digest) == content
    assert path_of(tmp_path, digest).read_bytes() == content


def test_the_same_content_is_kept_once(shelf: Shelf, tmp_path: Path) -> None:
    shelf.keep(CONTENT)
    before = path_of(tmp_path).stat().st_ino
    assert shelf.keep(CONTENT) == DIGEST
    assert path_of(tmp_path).stat().st_ino == before
    assert shelf.digests(DIGEST[:2]) == [DIGEST]
    assert [entry.name for entry in path_of(tmp_path).parent.iterdir()] == [DIGEST]


def test_nobody_else_may_look_at_what_is_kept(shelf: Shelf, tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        shelf.keep(CONTENT)
    finally:
        os.umask(previous)
    path = path_of(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "digest",
    [
        "",
        "ab",
        DIGEST.upper(),
        DIGEST + "\n",
        DIGEST[:-1] + "\0",
        "../" * 20 + "etc/passwd",
        "/etc/passwd",
        ".." + DIGEST[2:],
        hashlib.sha256(b"never kept").hexdigest(),
    ],
)
def test_h5_only_a_digest_that_is_kept_is_read(shelf: Shelf, digest: str) -> None:
    assert shelf.read(digest) is None
    shelf.keep(CONTENT)
    assert shelf.read(digest) is None


def test_an_empty_shelf_has_nothing_to_list(shelf: Shelf) -> None:
    assert shelf.shards() == []


def test_only_contents_are_listed(shelf: Shelf, tmp_path: Path) -> None:
    digests = sorted(shelf.keep(b"%d" % number) for number in range(20))
    (tmp_path / "hosted" / "lost+found").mkdir()
    (path_of(tmp_path, digests[0]).parent / "draft-1").write_bytes(b"")
    assert sorted(digest for shard in shelf.shards() for digest in shelf.digests(shard)) == digests


# H5: nothing that somebody planted is followed


def test_h5_a_link_planted_for_a_file_is_not_followed(shelf: Shelf, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(CONTENT)  # the right content, so that nothing but the link gives it away
    path_of(tmp_path).parent.mkdir(parents=True)
    path_of(tmp_path).symlink_to(secret)
    assert shelf.read(DIGEST) is None
    assert shelf.keep(CONTENT) == DIGEST
    assert not path_of(tmp_path).is_symlink()
    assert shelf.read(DIGEST) == CONTENT
    path_of(tmp_path).write_bytes(b"changed")
    assert secret.read_bytes() == CONTENT


@pytest.mark.parametrize("level", [0, 1])
def test_h5_a_link_planted_for_a_folder_is_not_followed(shelf: Shelf, tmp_path: Path, level: int) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / DIGEST[:2]).mkdir(parents=True)
    for folder in (elsewhere, elsewhere / DIGEST[:2]):
        (folder / DIGEST).write_bytes(CONTENT)
    planted = [tmp_path / "hosted", tmp_path / "hosted" / DIGEST[:2]][level]
    planted.parent.mkdir(exist_ok=True)
    planted.symlink_to(elsewhere)
    assert shelf.read(DIGEST) is None
    with pytest.raises(OSError, match="Not a directory"):
        shelf.keep(b"other" + CONTENT if level == 0 else CONTENT)
    with pytest.raises(OSError, match="Not a directory"):
        shelf.remove(DIGEST, LATER)
    assert (elsewhere / DIGEST).exists()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_h5_what_is_no_file_is_not_read_and_nobody_waits_for_it(
    shelf: Shelf, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path_of(tmp_path).parent.mkdir(parents=True)
    make(path_of(tmp_path))
    assert shelf.read(DIGEST) is None


def test_a_file_of_another_length_is_replaced(shelf: Shelf, tmp_path: Path) -> None:
    shelf.keep(CONTENT)
    path_of(tmp_path).write_bytes(CONTENT[:5])
    shelf.keep(CONTENT)
    assert shelf.read(DIGEST) == CONTENT


# Whole, or not there


def test_h13_a_full_disk_leaves_nothing_and_says_so(shelf: Shelf, tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            shelf.keep(bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path for path in (tmp_path / "hosted").rglob("*/*") if path.is_file()] == []
    digest = shelf.keep(bytes(5000))
    assert shelf.read(digest) == bytes(5000)


def test_a_disk_that_cannot_sync_keeps_nothing(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_descriptor: int) -> None:
        raise OSError(errno.EIO, "I/O error")

    shelf.keep(b"")  # the folders are there
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", broken)
        with pytest.raises(OSError, match="I/O error"):
            shelf.keep(CONTENT)
    assert shelf.read(DIGEST) is None


DYING = """
import os, pathlib, signal, sys
from estafeta_core.hosting import Shelf
real = getattr(os, sys.argv[2])
def dying(*arguments, **options):
    if sys.argv[3] == "after":
        real(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)
shelf = Shelf(pathlib.Path(sys.argv[1]))
setattr(os, sys.argv[2], dying)
shelf.keep(bytes(range(256)) * 1000)
"""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", ["fsync", "rename", "open"])
def test_killed_at_any_step_a_file_is_whole_or_not_there(
    shelf: Shelf, tmp_path: Path, call: str, moment: str
) -> None:
    content = bytes(range(256)) * 1000
    digest = hashlib.sha256(content).hexdigest()
    path_of(tmp_path, digest).parent.mkdir(parents=True)
    died = subprocess.run(
        [sys.executable, "-c", DYING, str(tmp_path), call, moment], env=ENVIRONMENT, check=False, timeout=60
    )
    assert died.returncode == -signal.SIGKILL
    assert shelf.read(digest) in (None, content)
    assert shelf.keep(content) == digest
    assert shelf.read(digest) == content
    shelf.remove_drafts(digest[:2], LATER)
    assert [entry.name for entry in path_of(tmp_path, digest).parent.iterdir()] == [digest]


def test_drafts_are_removed_when_nobody_can_be_writing_them(shelf: Shelf, tmp_path: Path) -> None:
    shelf.keep(CONTENT)
    folder = path_of(tmp_path).parent
    for name in ("draft-old", "draft-new"):
        (folder / name).write_bytes(b"half")
    age(folder / "draft-old")
    assert shelf.remove_drafts(DIGEST[:2], time.time() - 3600) == 1
    assert sorted(entry.name for entry in folder.iterdir()) == sorted([DIGEST, "draft-new"])


def test_bytes_and_then_the_name_are_on_the_disk_before_keep_returns(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    def noting(what: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any, **options: Any) -> Any:
            of = ""
            if what.__name__ == "fsync":
                of = " of folder" if stat.S_ISDIR(os.fstat(arguments[0]).st_mode) else " of file"
            steps.append(what.__name__ + of)
            return what(*arguments, **options)

        return noted

    for name in ("fsync", "rename", "mkdir"):
        monkeypatch.setattr(os, name, noting(getattr(os, name)))
    shelf.keep(CONTENT)
    written = ["fsync of file", "rename", "fsync of folder"]
    assert steps == ["mkdir", "fsync of folder", "mkdir", "fsync of folder", *written]
    steps.clear()
    shelf.keep(CONTENT)
    assert steps == ["fsync of folder"]


# Keeping and removing


def test_what_was_kept_long_ago_can_be_removed_and_what_was_kept_again_stays(
    shelf: Shelf, tmp_path: Path
) -> None:
    hour_ago = time.time() - 3600
    shelf.keep(CONTENT)
    assert not shelf.remove(DIGEST, hour_ago)
    age(path_of(tmp_path))
    shelf.keep(CONTENT)
    assert not shelf.remove(DIGEST, hour_ago)
    age(path_of(tmp_path))
    assert shelf.remove(DIGEST, hour_ago)
    assert shelf.read(DIGEST) is None
    assert not shelf.remove(DIGEST, hour_ago)


def test_a_content_being_kept_at_this_moment_is_not_removed(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keeper has seen the file and has not renewed it yet."""
    seen, go_on = threading.Event(), threading.Event()
    utime = os.utime

    def slow(*arguments: Any, **options: Any) -> None:
        seen.set()
        assert go_on.wait(10)
        utime(*arguments, **options)

    shelf.keep(CONTENT)
    age(path_of(tmp_path))
    with monkeypatch.context() as patched, ThreadPoolExecutor() as threads:
        patched.setattr(os, "utime", slow)
        keeping = threads.submit(shelf.keep, CONTENT)
        assert seen.wait(10)
        assert not shelf.remove(DIGEST, time.time() - 3600)
        go_on.set()
        assert keeping.result(10) == DIGEST
    assert not shelf.remove(DIGEST, time.time() - 3600)
    assert shelf.read(DIGEST) == CONTENT


def test_a_content_kept_while_it_is_removed_is_there_afterwards(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remover has seen how old the file is and has not removed it yet."""
    seen, go_on = threading.Event(), threading.Event()
    unlink = os.unlink

    def slow(*arguments: Any, **options: Any) -> None:
        seen.set()
        assert go_on.wait(10)
        unlink(*arguments, **options)

    shelf.keep(CONTENT)
    age(path_of(tmp_path))
    with monkeypatch.context() as patched, ThreadPoolExecutor() as threads:
        patched.setattr(os, "unlink", slow)
        removing = threads.submit(shelf.remove, DIGEST, time.time() - 3600)
        assert seen.wait(10)
        keeping = threads.submit(shelf.keep, CONTENT)
        time.sleep(0.2)
        assert not keeping.done()
        go_on.set()
        assert removing.result(10)
        assert keeping.result(10) == DIGEST
    assert shelf.read(DIGEST) == CONTENT


def test_many_keepers_of_the_same_contents_get_them_whole(shelf: Shelf) -> None:
    contents = [bytes([number]) * 200_000 for number in range(4)]

    def keep(number: int) -> bool:
        content = contents[number % 4]
        return shelf.read(shelf.keep(content)) == content

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(keep, range(200)))
    kept = [digest for shard in shelf.shards() for digest in shelf.digests(shard)]
    assert len(kept) == 4


KEEPING = """
import pathlib, sys, time
from estafeta_core.hosting import Shelf
shelf = Shelf(pathlib.Path(sys.argv[1]))
for _ in range(4):
    for number in range(40):
        content = b"%d" % number
        assert shelf.read(shelf.keep(content)) == content, number
    time.sleep(0.6)
"""


def test_processes_keep_while_another_removes_and_none_misses_what_it_kept(
    shelf: Shelf, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", KEEPING, str(tmp_path)]
    keepers = [subprocess.Popen(command, env=ENVIRONMENT) for _ in range(3)]
    removed = 0
    while any(keeper.poll() is None for keeper in keepers):
        for shard in shelf.shards():
            for digest in shelf.digests(shard):
                removed += shelf.remove(digest, time.time() - 0.5)
        time.sleep(0.005)
    assert [keeper.wait(60) for keeper in keepers] == [0, 0, 0]
    assert removed


# What a file is, and what it is called


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR....", "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (b"\xff\xd8\xff\xe1..Exif", "image/jpeg"),
        (b"GIF87a....", "image/gif"),
        (b"GIF89a....", "image/gif"),
        (b"RIFF\n\0\0\nWEBPVP8 ...", "image/webp"),
        (b"RIFF....WEBPVP8X...", "image/webp"),
        (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x02", "image/bmp"),
        (b"", None),
        (b"BM is how this text begins, and no picture", None),
        (b"GIF8", None),
        (b"GIF88a....", None),
        (b"\x89PNG\r\n\x1a\nGIF89a......", None),
        (b"RIFF....WAVEfmt ", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", None),
        (b"<?xml version='1.0'?><svg/>", None),
        (b"<html><script>alert(1)</script>", None),
        (b" GIF89a", None),
        (b"%PDF-1.7", None),
        (b"CWS\x0a", None),
    ],
)
def test_h4_only_images_of_five_kinds_are_told_by_their_bytes(content: bytes, media_type: str | None) -> None:
    assert sniff(content) == media_type
    assert hosting.sniff(content + b"<script>alert(1)</script>") == media_type


@pytest.mark.parametrize(
    ("sent", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("año niño.pdf", "año niño.pdf"),
        ("会議.pdf", "会議.pdf"),
        ("../../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        (r"C:\Documents\report.doc", "report.doc"),
        (r"..\..\boot.ini", "boot.ini"),
        ("folder/", "folder"),
        ("", "file"),
        (".", "file"),
        ("..", "file"),
        ("../..", "file"),
        (" . ", "file"),
        (".htaccess", "htaccess"),
        ("name.", "name"),
        ("a\r\nSet-Cookie: x=y", "a Set-Cookie_ x=y"),
        ('a"b<c>d|e?f*g:h', "a_b_c_d_e_f_g_h"),
        ("nul\0.txt", "nul_.txt"),
        ("invoice\u202efdp.exe", "invoice_fdp.exe"),
        ("a\u2066b\u200f", "a_b_"),
        ("caf\udce9.txt", "caf_.txt"),
        ("many \t\n  spaces.txt", "many spaces.txt"),
    ],
)
def test_h5_a_name_from_a_sender_is_made_safe(sent: str, safe: str) -> None:
    assert file_name(sent) == safe


def test_a_long_name_is_cut_between_characters_and_keeps_its_ending() -> None:
    assert file_name("ñ" * 300 + ".pdf") == "ñ" * 125 + ".pdf"
    assert file_name("a" * 300) == "a" * NAME_BYTES
    assert file_name("a." + "b" * 300) == "a." + "b" * 253


@given(st.text(max_size=400))
def test_h5_any_name_becomes_one_that_every_system_takes(name: str) -> None:
    safe = file_name(name)
    assert 0 < len(safe.encode()) <= NAME_BYTES
    assert not set(safe) & set('/\\<>:"|?*\r\n\0\t')
    assert safe == safe.strip(" .")
    assert file_name(safe) == safe


# A folder that hosts share


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A state_dir with a file system of its own at `hosted`, where only root can have one."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    folder = tmp_path / "hosted"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], check=True)
    yield tmp_path
    subprocess.run(["umount", str(folder)], check=True)


def test_what_one_host_has_kept_another_one_reads_and_removes(mounted: Path) -> None:
    one, other = Shelf(mounted, shared=True), Shelf(mounted, shared=True)
    assert one.keep(CONTENT) == DIGEST
    assert other.read(DIGEST) == CONTENT
    assert not other.remove(DIGEST, time.time() - 3600)
    assert other.remove(DIGEST, LATER)
    assert one.read(DIGEST) is None


def test_while_the_folder_of_all_hosts_is_not_mounted_nothing_is_kept_or_looked_for(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, shared=True)
    for made in (False, True):
        if made:
            (tmp_path / "hosted").mkdir()
        for use in (
            lambda: shelf.keep(CONTENT),
            lambda: shelf.read(DIGEST),
            lambda: shelf.remove(DIGEST, LATER),
            shelf.shards,
        ):
            with pytest.raises(OSError, match=r"nothing is mounted here, and hosting\.shared says"):
                use()
    assert list((tmp_path / "hosted").iterdir()) == []
