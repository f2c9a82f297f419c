import os
import threading

from estafeta_core.ids import EPOCH_MS, PROCESS_BITS, SEQUENCE_BITS, IdSource


def timestamp_ms(identifier: int) -> int:
    return (identifier >> (PROCESS_BITS + SEQUENCE_BITS)) + EPOCH_MS


def test_ids_are_63_bit_and_tell_their_time() -> None:
    moment = EPOCH_MS + 69 * 365 * 86_400_000
    identifier = IdSource(lambda: moment).next()
    assert 0 < identifier < 2**63
    assert timestamp_ms(identifier) == moment


def test_ids_increase_when_the_clock_stands_still_or_steps_back() -> None:
    times = iter([5000, 5000, 4000, 5001])
    source = IdSource(lambda: EPOCH_MS + next(times))
    ids = [source.next() for _ in range(4)]
    assert ids == sorted(set(ids))


def test_more_ids_than_a_millisecond_holds_run_ahead_of_the_clock() -> None:
    source = IdSource(lambda: EPOCH_MS)
    ids = [source.next() for _ in range(10_000)]
    assert len(set(ids)) == 10_000
    assert timestamp_ms(ids[-1]) - EPOCH_MS in (2, 3)


def test_threads_never_get_the_same_id() -> None:
    source = IdSource()
    found: list[list[int]] = [[] for _ in range(4)]
    threads = [
        threading.Thread(target=lambda ids=ids: ids.extend(source.next() for _ in range(2000)))
        for ids in found
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({identifier for ids in found for identifier in ids}) == 8000


def test_a_forked_child_draws_its_own_bits() -> None:
    source = IdSource(lambda: EPOCH_MS)
    drawn = {source.next() >> 12 & 1023}
    for _ in range(8):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writer, str(source.next() >> 12 & 1023).encode())
            os._exit(0)
        os.waitpid(child, 0)
        drawn.add(int(os.read(reader, 10)))
        os.close(reader)
        os.close(writer)
    assert len(drawn) > 1  # all nine alike would be a chance of 1 in 1024 ** 8


def test_two_processes_that_share_their_bits_do_not_hand_out_the_same_ids() -> None:
    one, other = IdSource(lambda: EPOCH_MS + 5000), IdSource(lambda: EPOCH_MS + 5000)
    assert sum(one.next() == other.next() for _ in range(1000)) < 1000
    first = [{IdSource(lambda: EPOCH_MS).next() for _ in range(2)} for _ in range(200)]
    assert sum(len(pair) == 1 for pair in first) < 10


def test_processes_of_two_hosts_with_the_same_number_draw_other_bits() -> None:
    drawn = {IdSource(lambda: EPOCH_MS, host).next() >> SEQUENCE_BITS for host in ("mx1", "mx2", "mx3")}
    assert len(drawn) == 3
