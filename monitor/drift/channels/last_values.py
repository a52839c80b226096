"""The values of each partition's last row, to tell which rows repeat those before them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.stream.records import Partition

Index = NDArray[np.int64]
Values = NDArray[np.float32]


class LastValues:
    """Values (N,) of the last row of each of P partitions, by their numbers."""

    def __init__(self) -> None:
        self._values: Values = np.zeros((0, 0), dtype=np.float32)
        self._known = np.zeros(0, dtype=np.bool_)

    def repeated(self, values: Values, partition: Index) -> NDArray[np.bool_]:
        """Which values of rows, (R, N), are those of their partition's row before.

        values: (R, N), R at least 1; their rows are the last ones then. partition: numbers, (R,).
        Of a partition's first row none are.
        """
        self._grow(int(partition.max()) + 1, values.shape[1])
        if (partition[1:] >= partition[:-1]).all():
            return self._in_order(values, partition)
        order = np.argsort(partition, kind="stable")
        found = np.empty(values.shape, dtype=np.bool_)
        found[order] = self._in_order(values[order], partition[order])
        return found

    def _in_order(self, values: Values, partition: Index) -> NDArray[np.bool_]:
        """Of rows that lie partition by partition."""
        begins = np.flatnonzero(np.diff(partition, prepend=-1))
        ends, of = np.append(begins[1:], len(values)) - 1, partition[begins]
        same = np.empty(values.shape, dtype=np.bool_)
        np.equal(values[1:], values[:-1], out=same[1:])
        same[begins] = (values[begins] == self._values[of]) & self._known[of, np.newaxis]
        self._values[of] = values[ends]
        self._known[of] = True
        return same

    def _grow(self, partitions: int, width: int) -> None:
        missing = partitions - len(self._known)
        if missing > 0:
            before = self._values.reshape(-1, width)
            self._values = np.append(before, np.zeros((missing, width), np.float32), axis=0)
            self._known = np.append(self._known, np.zeros(missing, np.bool_))

    def state(self, partitions: Sequence[Partition]) -> dict[str, Any] | None:
        """Everything that `restore` needs; None if there is nothing. partitions: by number."""
        numbers = np.flatnonzero(self._known).tolist()
        if not numbers:
            return None
        numbers.sort(key=lambda number: partitions[number])
        of = [list(partitions[number]) for number in numbers]
        return {"partitions": of, "values": self._values[numbers]}

    @classmethod
    def restored(
        cls, state: Mapping[str, Any] | None, number: Callable[[Partition], int]
    ) -> LastValues:
        """As they were when `state` was called. number: gives that of a partition."""
        last = cls()
        if state is not None:
            values = np.array(state["values"])
            numbers = [number(Partition(*each)) for each in state["partitions"]]
            last._grow(max(numbers) + 1, values.shape[1])
            last._values[numbers] = values
            last._known[numbers] = True
        return last
