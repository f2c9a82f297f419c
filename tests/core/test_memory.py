"""What is set holds for all of a process, so each of these is a process of its own."""

import re
import subprocess
import sys
from pathlib import Path

# Eight threads at a time take and free blocks; then the C library tells what it has, and the kernel how many
# pages it had to clear for a large message's worth of copies, a second time.
PROGRAM = """
import ctypes, resource, sys, threading
from estafeta_core import memory

if sys.argv[1] == "settled":
    memory.settle()
together = threading.Barrier(8)

def work():
    bytes(100_000)
    together.wait()

threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def large():
    before = faults()
    copies = [bytes(bytearray(320_000)) for _ in range(10)]
    del copies
    return faults() - before

large()
print(large(), flush=True)
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
stdout = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, stdout)
libc.fflush(stdout)
"""


def told(tmp_path: Path, how: str) -> tuple[int, int]:
    """Return how many pages a large message costs, and how many arenas there are."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run([sys.executable, program, how], check=True, capture_output=True, text=True)
    pages, _, info = done.stdout.partition("\n")
    return int(pages), len(re.findall("<heap ", info))


def test_all_threads_share_one_arena_and_a_large_message_leaves_its_room(tmp_path: Path) -> None:
    pages, arenas = told(tmp_path, "settled")
    assert arenas == 1
    assert pages < 80  # of the 800 that it takes otherwise


def test_without_it_the_c_library_gives_and_takes(tmp_path: Path) -> None:
    """Should this fail, the module has nothing left to do."""
    pages, arenas = told(tmp_path, "as it is")
    assert arenas > 1
    assert pages > 400
