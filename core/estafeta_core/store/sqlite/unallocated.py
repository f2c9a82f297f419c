"""What SQLite leaves in a page where nothing lies any more: found, and overwritten with zeros in the file.

`secure_delete` zeroes what is deleted, and not what is moved. The rows of a full page are shared out among
its neighbours, and where they lay before stays as it was until another row is put there: in the page's
unallocated region, between the pointers to its cells and the first cell (sqlite.org/fileformat2.html,
"B-tree Pages"). No statement reaches it but VACUUM, which takes as much disk again as the file has and keeps
every writer out meanwhile. Readers take nothing from there, so it may be overwritten beneath them.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path

from estafeta_core.store.errors import StoreUnavailable

_TABLE_LEAF, _INDEX_LEAF, _TABLE_INTERIOR, _INDEX_INTERIOR = 13, 10, 5, 2
_POINTERS = {_TABLE_LEAF: 8, _INDEX_LEAF: 8, _TABLE_INTERIOR: 12, _INDEX_INTERIOR: 12}  # where they begin
_HEADER = struct.Struct(">xHHH")  # first free block, number of cells, begin of the first cell (0: 65,536)
_CHUNK = 1024 * 1024  # bytes read at once
_LOCKS = 0x40000000  # where the page lies that SQLite locks and never writes
_PAGES = 2 << 24  # of a file; from there on a page that begins with another's number may begin as a tree's

# A file by its device and inode. It stays open while the process lives: closing it would end the locks that
# SQLite has on the same file in this process (fcntl(2), "Record locks").
_files: dict[tuple[int, int], int] = {}


class Unallocated:
    """The unallocated regions of a database file, except that of the first page, which lists the tables."""

    def __init__(self, path: Path) -> None:
        status = path.stat()
        inode = (status.st_dev, status.st_ino)
        if inode not in _files:
            _files[inode] = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._file = _files[inode]
        header = os.pread(self._file, 100, 0)
        size = int.from_bytes(header[16:18])
        self._page = 65536 if size == 1 else size  # bytes
        # With auto_vacuum, of so many pages the first is a map of the others, which begins as a tree's may.
        self._map_every = (self._page - header[20]) // 5 + 1 if any(header[52:56]) else 0
        if status.st_size // self._page >= _PAGES:
            raise StoreUnavailable(f"{path} has {_PAGES} pages or more, which VACUUM alone clears")

    def soiled(self) -> Iterator[int]:
        """Yield the places of pages with anything but zeros there, as one sees them while others write."""
        place = self._page
        while pages := len(chunk := os.pread(self._file, _CHUNK, place)) // self._page:
            for begin in range(0, pages * self._page, self._page):
                if self._leftover(place + begin, chunk[begin : begin + self._page]):
                    yield place + begin
            place += pages * self._page

    def written(self, wal: Path) -> set[int]:
        """Return the places of the pages that a WAL has, as above ("The Write-Ahead Log")."""
        with wal.open("rb", buffering=0) as file:
            frames = range(32, os.fstat(file.fileno()).st_size, 24 + self._page)
            numbers = {int.from_bytes(os.pread(file.fileno(), 4, frame)) for frame in frames}
        return {(number - 1) * self._page for number in numbers if number > 1}

    def clear(self, place: int) -> None:
        """Zero the region of a page; the caller keeps writers out, and nothing of the page is in the WAL."""
        found = self._leftover(place, os.pread(self._file, self._page, place))
        if found:
            os.pwrite(self._file, bytes(len(found)), place + found.start)

    def _leftover(self, place: int, page: bytes) -> range:
        """Return where a page's unallocated region lies; empty where that is zeros, or the page no tree's.

        No other page begins as one: of one in a chain the first byte is that of a number below _PAGES.
        """
        pointers = _POINTERS.get(page[0]) if len(page) == self._page else None
        if pointers is None or not place or self._is_map(place):
            return range(0)
        free, cells, first = _HEADER.unpack_from(page)
        begin, end = pointers + 2 * cells, first or 65536
        if not begin <= end <= len(page):
            return range(0)
        places = struct.unpack_from(f">{cells}H", page, pointers)
        if not all(end <= place < len(page) for place in ((free, *places) if free else places)):
            return range(0)
        return range(begin, end) if page.count(0, begin, end) < end - begin else range(0)

    def _is_map(self, place: int) -> bool:
        """Whether it is a map: page 2, and so on, and the next one where SQLite has its locks there."""
        if not self._map_every:
            return False
        before = place // self._page  # pages
        behind_locks = place == _LOCKS + self._page and (before - 2) % self._map_every == 0
        return (before - 1) % self._map_every == 0 or behind_locks

    def sync(self) -> None:
        """Bring what was overwritten to the disk."""
        os.fsync(self._file)
