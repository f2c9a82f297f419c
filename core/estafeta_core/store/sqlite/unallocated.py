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

_TABLE_LEAF, _INDEX_LEAF, _TABLE_INTERIOR, _INDEX_INTERIOR = 13, 10, 5, 2
_POINTERS = {_TABLE_LEAF: 8, _INDEX_LEAF: 8, _TABLE_INTERIOR: 12, _INDEX_INTERIOR: 12}  # where they begin
_HEADER = struct.Struct(">xHHH")  # first free block, number of cells, begin of the first cell (0: 65,536)
_CHUNK = 1024 * 1024  # bytes read at once

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
        size = int.from_bytes(os.pread(self._file, 2, 16))
        self._page = 65536 if size == 1 else size  # bytes

    def soiled(self) -> Iterator[int]:
        """Yield the places of pages with anything but zeros there, as one sees them while others write."""
        place = self._page
        while pages := len(chunk := os.pread(self._file, _CHUNK, place)) // self._page:
            for begin in range(0, pages * self._page, self._page):
                if _leftover(chunk[begin : begin + self._page]):
                    yield place + begin
            place += pages * self._page

    def clear(self, place: int) -> None:
        """Zero the region of a page; the caller keeps writers out, and nothing of the page is in the WAL."""
        found = _leftover(os.pread(self._file, self._page, place))
        if found:
            os.pwrite(self._file, bytes(len(found)), place + found.start)

    def sync(self) -> None:
        """Bring what was overwritten to the disk."""
        os.fsync(self._file)


def _leftover(page: bytes) -> range:
    """Return where a page's unallocated region lies; empty where it is all zeros, or the page has no cells.

    Pages of other kinds are told by their first byte, and where that deceives, by what follows: texts hold
    no pointers to within the page.
    """
    nothing = range(0)
    pointers = _POINTERS.get(page[0])
    if pointers is None:
        return nothing
    free, cells, first = _HEADER.unpack_from(page)
    begin, end = pointers + 2 * cells, first or 65536
    if not begin <= end <= len(page):
        return nothing
    places = struct.unpack_from(f">{cells}H", page, pointers)
    if not all(end <= place < len(page) for place in ((free, *places) if free else places)):
        return nothing
    return range(begin, end) if page.count(0, begin, end) < end - begin else nothing
