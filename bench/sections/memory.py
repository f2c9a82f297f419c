"""The most memory that our daemons have held."""

from collections.abc import Mapping

from bench.measure import peak_memory_mb, tree
from bench.rounds import Row, Target

LIMIT_MB = 120.0


def of(processes: Mapping[str, int]) -> tuple[list[Row], list[Target]]:
    """Return the peak of the largest process of each role, and the target for the largest of all."""
    peaks = {
        role: max(peak_memory_mb(each) for each in tree((pid,)))
        for role, pid in processes.items()
        if role != "postfix"  # whose processes are not ours to watch
    }
    rows = [Row("memory", role, {"peak MB": [peak]}) for role, peak in peaks.items()]
    largest = max(peaks, key=lambda role: peaks[role])
    return rows, [
        Target(f"memory: MB of the largest process ({largest})", [peaks[largest]], LIMIT_MB, at_most=True)
    ]
