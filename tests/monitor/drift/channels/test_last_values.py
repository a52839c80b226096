"""Which values repeat those of the row before in their partition, however rows come in batches."""

import numpy as np
import pytest

from monitor.drift.channels.last_values import LastValues
from monitor.stream.records import Partition


def plainly(values: np.ndarray, partition: np.ndarray) -> np.ndarray:
    last: dict[int, np.ndarray] = {}
    found = np.zeros(values.shape, dtype=bool)
    for row, (each, number) in enumerate(zip(values, partition.tolist(), strict=True)):
        if number in last:
            found[row] = each == last[number]
        last[number] = each
    return found


@pytest.mark.parametrize("partitions", [1, 2, 7])
@pytest.mark.parametrize("size", [1, 5, 64, 400])
def test_they_are_those_that_a_plain_loop_finds(partitions, size):
    rng = np.random.default_rng(partitions)
    values = rng.integers(0, 3, (400, 4)).astype(np.float32)
    partition = np.sort(rng.integers(0, partitions, 400).reshape(4, 100), axis=1).ravel()
    last = LastValues()
    parts = [slice(a, a + size) for a in range(0, 400, size)]
    found = np.concatenate([last.repeated(values[p], partition[p]) for p in parts])
    assert np.array_equal(found, plainly(values, partition))


def test_a_zero_that_no_row_had_is_no_repeat():
    last = LastValues()
    zeros = np.zeros((1, 2), dtype=np.float32)
    assert not last.repeated(zeros, np.array([3])).any()
    assert not last.repeated(zeros, np.array([1])).any()  # known of 3, and not of 1
    assert last.repeated(zeros, np.array([3])).all()


def test_they_are_restored_whatever_the_numbers_of_partitions_are_then():
    last, partitions = LastValues(), [Partition("b", 0), Partition("a", 1), Partition("a", 0)]
    values = np.arange(6, dtype=np.float32).reshape(3, 2)
    assert last.state(partitions) is None
    last.repeated(values, np.array([0, 1, 2]))
    numbers = {partition: 2 - number for number, partition in enumerate(partitions)}
    twin = LastValues.restored(last.state(partitions), numbers.__getitem__)
    assert twin.repeated(values[::-1], np.array([0, 1, 2])).all()
    state, again = last.state(partitions), twin.state(sorted(partitions, key=numbers.__getitem__))
    assert state["partitions"] == again["partitions"] == [["a", 0], ["a", 1], ["b", 0]]
    assert np.array_equal(state["values"], again["values"])
    assert not LastValues.restored(None, numbers.__getitem__).repeated(values, np.arange(3)).any()
