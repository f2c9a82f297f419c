"""Files kept for recipients, by the hash of what is in them.

    {state_dir}/hosted/ab/abcdef...      mode 0600, the name is the SHA-256 of the content
    {state_dir}/hosted/ab/draft-...      being written; folders have mode 0700
    {state_dir}/hosted/lock-ab           held while something in `ab` is kept or removed

A path comes from a hash alone, never from what anybody wrote, and no link is followed below state_dir.
The same content is kept once. A file is written under a draft's name, synced and renamed, so that a file
that is there is whole; `keep` returns when its name is on the disk as well. A process that dies in
between leaves a draft, which nobody reads.

Keeping and removing may meet: somebody sends a content again at the moment its time is over. `keep`
renews the time of a file that is there, `remove` takes only what has not been renewed for long, and
each folder's lock (flock(2)) keeps one from coming between the other's two steps. So a content stays for
as long after `keep` as `remove` is told, and within that time its row has to be in the store.

Hosts may share the folder: {state_dir}/hosted is then where they all mount it, and what one of them has kept
each can read. The locks are files because NFS locks no folder against another host (flock(2), "NFS details":
an exclusive lock needs a file that is open for writing). While nothing is mounted there, nothing is kept,
read or removed, as another host would look for it in vain.

Raises OSError where the disk does.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from estafeta_core.config.schema import Config

FOLDER = "hosted"
NAME_BYTES = 255  # of a file's name: what file systems take, and tokens too

_DIGEST = re.compile(r"[0-9a-f]{64}")
_SHARD = re.compile(r"[0-9a-f]{2}")
_DRAFT = "draft-"
_LOCK = "lock-"
_SUFFIX_BYTES = 16  # of a name that is cut, so much of its ending stays

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # opening a pipe must not wait
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_LOCK = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_NOT_KEPT = frozenset({errno.ENOENT, errno.ELOOP, errno.ENOTDIR})  # the last two: a link stands there

# What a name may not hold: path separators, what Windows reserves, controls, and the marks that turn the
# direction of text, by which `exe.gpj` is read as `jpg.exe`.
_PATH = re.compile(r"[/\\]")
_UNSAFE = re.compile(r'[<>:"|?*\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]')
_SPACE = re.compile(r"\s+")

_WEBP = re.compile(rb"RIFF.{4}WEBPVP8[ LX]", re.DOTALL)
# `BM` alone begins many a text: the reserved bytes and a known size of the header behind it are asked too.
_BMP = re.compile(rb"BM.{4}\0{4}.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0{3}", re.DOTALL)
_IMAGES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n.{4}IHDR", re.DOTALL), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (_WEBP, "image/webp"),
    (_BMP, "image/bmp"),
)


def sniff(content: bytes) -> str | None:
    """Return the media type of an image that may be shown in place, by its first bytes; None for all else.

    SVG is not among them: it is a document that may hold scripts.
    """
    return next((media_type for pattern, media_type in _IMAGES if pattern.match(content)), None)


def file_name(name: str) -> str:
    """Return the name that a sender gave a file as one that is safe to show, to send and to save.

    The last component of a path, without what any system reserves, at most NAME_BYTES in UTF-8; its ending
    stays when it is cut. "file" where nothing is left.
    """
    last = next((part for part in reversed(_PATH.split(name)) if part.strip(" .")), "")
    safe = _SPACE.sub(" ", _UNSAFE.sub("_", _SPACE.sub(" ", last))).strip(" .")
    if len(safe.encode()) <= NAME_BYTES:
        return safe or "file"
    stem, dot, suffix = safe.rpartition(".")
    ending = dot + suffix if stem and len(suffix.encode()) < _SUFFIX_BYTES else ""
    room = NAME_BYTES - len(ending.encode())
    return safe.encode()[:room].decode("utf-8", "ignore").rstrip(" .") + ending


class Shelf:
    """The folder of one installation; safe to use from any thread and process.

    Where it is `shared` by hosts it is a file system of its own, or OSError.
    """

    def __init__(self, state_dir: Path, *, shared: bool = False) -> None:
        self._root = state_dir / FOLDER
        self._shared = shared

    @classmethod
    def of(cls, config: Config) -> "Shelf":
        """Return the one that a configuration names."""
        return cls(config.state_dir, shared=config.hosting.shared)

    def keep(self, content: bytes) -> str:
        """Make `content` durable and return its digest in hexadecimal."""
        digest = hashlib.sha256(content).hexdigest()
        with self._folder_to_write(digest[:2]) as folder, self._locked(digest[:2], fcntl.LOCK_SH):
            if not _renewed(folder, digest, len(content)):
                _write(folder, digest, content)
            os.fsync(folder)  # of a file that was there too: who put it there may not have come so far yet
        return digest

    def open(self, digest: str) -> BinaryIO | None:
        """Open the content with this digest for reading, or return None when it is not kept."""
        if not _DIGEST.fullmatch(digest):
            return None
        try:
            with self._folder(digest[:2]) as folder:
                descriptor = os.open(digest, _READ, dir_fd=folder)
        except OSError as error:
            if error.errno in _NOT_KEPT:
                return None
            raise
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            return None
        return os.fdopen(descriptor, "rb")

    def read(self, digest: str) -> bytes | None:
        """Return the content with this digest, or None when it is not kept."""
        file = self.open(digest)
        if file is None:
            return None
        with file:
            return file.read()

    def shards(self) -> list[str]:
        """Return the names of the folders that hold files, in order."""
        try:
            with self._opened() as root, os.scandir(root) as entries:
                return sorted(entry.name for entry in entries if _SHARD.fullmatch(entry.name))
        except FileNotFoundError:
            return []

    def digests(self, shard: str) -> list[str]:
        """Return the digests of the contents in a folder."""
        with self._folder(shard) as folder:
            return list(filter(_DIGEST.fullmatch, _names(folder)))

    def remove(self, digest: str, before: float) -> bool:
        """Let go of a content that was last kept `before` this Unix time; return whether it is gone.

        One that is being kept at this moment stays.
        """
        alone = fcntl.LOCK_EX | fcntl.LOCK_NB
        with self._folder(digest[:2]) as folder, self._locked(digest[:2], alone) as locked:
            return locked and _removed(folder, digest, before)

    def remove_drafts(self, shard: str, before: float) -> int:
        """Remove what processes that died `before` this Unix time left in a folder; return how many."""
        with self._folder(shard) as folder:
            drafts = [name for name in _names(folder) if name.startswith(_DRAFT)]
            return sum(_removed(folder, name, before) for name in drafts)

    @contextlib.contextmanager
    def _folder(self, shard: str) -> Iterator[int]:
        """Open one folder; neither it nor the one above it may be a link."""
        with self._opened() as root:
            folder = os.open(shard, _OPEN_FOLDER, dir_fd=root)
        try:
            yield folder
        finally:
            os.close(folder)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        """Open the folder of all folders; OSError while it is not the one that hosts share, where they do."""
        try:
            root = os.open(self._root, _OPEN_FOLDER)
        except FileNotFoundError:
            if self._shared:
                raise self._not_mounted() from None
            raise
        try:
            if self._shared and os.fstat(root).st_dev == os.stat("..", dir_fd=root).st_dev:
                raise self._not_mounted()
            yield root
        finally:
            os.close(root)

    def _not_mounted(self) -> OSError:
        text = "nothing is mounted here, and hosting.shared says that hosts share this folder"
        return OSError(errno.ENODEV, text, str(self._root))

    @contextlib.contextmanager
    def _locked(self, shard: str, kind: int) -> Iterator[bool]:
        """Hold the lock of a folder; False where it is not to be waited for and another has it."""
        with self._opened() as root:
            lock = os.open(_LOCK + shard, _OPEN_LOCK, 0o600, dir_fd=root)
        try:
            try:
                fcntl.flock(lock, kind)
                locked = True
            except BlockingIOError:
                locked = False
            yield locked
        finally:
            os.close(lock)  # lets go of it

    @contextlib.contextmanager
    def _folder_to_write(self, shard: str) -> Iterator[int]:
        if not (self._root / shard).exists():
            if not self._shared:
                _make_folder(self._root)
            with self._opened():  # never below a folder that is not mounted
                _make_folder(self._root / shard)
        with self._folder(shard) as folder:
            yield folder


def _make_folder(path: Path) -> None:
    """Make a folder whose name is on the disk, unless it is there."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def _renewed(folder: int, digest: str, size: int) -> bool:
    """Return whether the file is there and whole; its time is then that of now."""
    try:
        status = os.stat(digest, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode) or status.st_size != size:
            return False
        os.utime(digest, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _removed(folder: int, name: str, before: float) -> bool:
    try:
        if os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime >= before:
            return False
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return False
    return True


def _write(folder: int, digest: str, content: bytes) -> None:
    """Put the file there in one step, whatever stood there; its bytes are on the disk before."""
    draft = _DRAFT + secrets.token_hex(8)
    descriptor = os.open(draft, _CREATE, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(draft, digest, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft, dir_fd=folder)
        raise
