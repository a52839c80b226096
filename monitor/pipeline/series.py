"""Windows over series, made of a topic's steps as `models.windows` makes them of a file's.

A series is what has one key in one partition (or, by choice of the training, a whole partition).
Of each the last steps are kept, fewer than a window has. Batches are made into windows in order,
ahead of what is decided; what is decided moves the memory on that is saved, and what is dropped
undecided is taken back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.windows import Window
from monitor.codecs.decoding import Decoded
from monitor.pipeline.series_notes import Steps, Tail, note_of, read_again
from monitor.stream.columns import Columns
from monitor.stream.records import Partition

Name = tuple[Partition, bytes]
"""Of a series: its partition, and its key."""
AT_MOST_VALUES: Final = 1 << 24
"""Numbers that are kept of all series together: 64 MiB of float32."""
_ALL: Final = None


@dataclass(frozen=True, slots=True)
class Moved:
    """What a batch changes: the series that it has steps of, and where its partitions end."""

    tails: Mapping[Name, Tail]
    ends: Mapping[Partition, int]

    def only(self, partitions: Iterable[Partition]) -> Moved:
        """Of some partitions."""
        kept = set(partitions)
        return Moved(
            {name: tail for name, tail in self.tails.items() if name[0] in kept},
            {partition: end for partition, end in self.ends.items() if partition in kept},
        )


class _Memory:
    """The ends of all series, the longest unseen first."""

    def __init__(self, most: int) -> None:
        self.tails: dict[Name, Tail] = {}
        self.ends: dict[Partition, int] = {}
        self._most = most

    def apply(self, moved: Moved) -> int:
        """Go on; returns how many series were forgotten for want of room."""
        for name, tail in moved.tails.items():
            self.tails.pop(name, None)
            self.tails[name] = tail
        self.ends.update(moved.ends)
        spare = len(self.tails) - self._most
        for name in list(self.tails)[: max(0, spare)]:
            del self.tails[name]
        return max(0, spare)

    def part(self, partition: Partition | None) -> Moved:
        """All, or what is of one partition."""
        whole = Moved(dict(self.tails), dict(self.ends))
        return whole if partition is _ALL else whole.only([partition])

    def replace(self, partition: Partition | None, by: Moved) -> None:
        """Forget all, or what is of one partition, and know this instead."""
        if partition is _ALL:
            self.tails, self.ends = {}, {}
        self.tails = {name: tail for name, tail in self.tails.items() if name[0] != partition}
        self.ends.pop(partition, None)  # type: ignore[arg-type]
        self.apply(by)


class Series:
    """Makes windows of steps. channels: of a step. at_most: series that are remembered. names: of
    the channels, if they have any; steps of others are not gone on with.

    `windows` is called for one batch after the other, on any thread; all else on the run loop's.
    """

    def __init__(
        self, window: Window, channels: int, at_most: int, names: Sequence[str] = ()
    ) -> None:
        self.window, self._channels = window, channels
        self._of = [window.length, window.stride, window.by, channels, *names]
        fitting = max(1, AT_MOST_VALUES // (window.length * channels))
        self.at_most = min(at_most, fitting)
        self._decided, self._ahead = _Memory(self.at_most), _Memory(self.at_most)
        self._resets: deque[tuple[Partition | None, Moved]] = deque()
        self.forgotten = 0

    def __len__(self) -> int:
        """Series that are remembered."""
        return len(self._decided.tails)

    def windows(self, records: Columns, decoded: Decoded) -> tuple[Decoded, Moved]:
        """The windows that these steps complete, and what they change.

        decoded: rows (R, C), steps in the order of the records. Returned are rows (W, T, C), and
        as counts the windows of each record.
        """
        while self._resets:
            self._ahead.replace(*self._resets.popleft())
        steps, counts = decoded.rows, decoded.counts
        if not len(steps):
            steps = np.empty((0, self._channels))
        record_of_step = np.arange(counts.size).repeat(counts)
        offsets = records.offsets[record_of_step]
        tails: dict[Name, Tail] = {}
        made, last = [], []
        for name, rows in self._groups(records, counts).items():
            before = self._ahead.tails.get(name) or Tail(0, steps[:0], offsets[:0])
            made_of, ends, whole = self.window.completed(before.steps, steps[rows], before.seen)
            if ends.size:
                made.append(made_of)
                last.append(rows[ends])
            at = np.concatenate([before.offsets, offsets[rows]])
            tails[name] = self._tail(before.seen + len(rows), whole, at)
        moved = Moved(tails, self._ends(records))
        self._ahead.apply(moved)
        if not made:
            none = np.empty((0, self.window.length, self._channels), dtype=steps.dtype)
            return Decoded(none, np.zeros_like(counts), decoded.failures), moved
        at = np.concatenate(last)
        order = np.argsort(at, kind="stable")
        complete = np.bincount(record_of_step[at], minlength=counts.size)
        return Decoded(np.concatenate(made)[order], complete, decoded.failures), moved

    def _tail(self, seen: int, steps: NDArray[Any], offsets: NDArray[np.int64]) -> Tail:
        kept = max(0, len(steps) - self.window.length + 1)
        return Tail(seen, steps[kept:].copy(), offsets[kept:].copy())

    def _groups(self, records: Columns, counts: NDArray[np.int64]) -> dict[Name, NDArray[np.int64]]:
        """Rows of each series; records that came before are left out."""
        starts = (np.cumsum(counts) - counts).tolist()
        of, offsets = records.partition.tolist(), records.offsets.tolist()
        expected = [self._ahead.ends.get(partition, 0) for partition in records.partitions]
        found: dict[Name, list[int]] = {}
        for i, count in enumerate(counts.tolist()):
            if not count or offsets[i] < expected[of[i]]:
                continue
            key = (records.keys[i] or b"") if self.window.by else b""
            rows = found.setdefault((records.partitions[of[i]], key), [])
            rows.extend(range(starts[i], starts[i] + count))
        return {name: np.array(rows, dtype=np.int64) for name, rows in found.items()}

    def _ends(self, records: Columns) -> dict[Partition, int]:
        ends = records.ends()
        return {p: max(end, self._ahead.ends.get(p, 0)) for p, end in ends.items()}

    def decide(self, moved: Moved) -> None:
        """A batch was decided on: what is remembered goes on behind it."""
        self.forgotten += self._decided.apply(moved)

    def drop(self, partitions: Iterable[Partition]) -> None:
        """What was made of these partitions and not decided on does not count."""
        for partition in partitions:
            self._resets.append((partition, self._decided.part(partition)))

    def notes(self, partitions: Iterable[Partition]) -> dict[Partition, str]:
        """What whoever gets these partitions next has to know of their series, see `rebuilt`."""
        tails: dict[Partition, list[Tail]] = {partition: [] for partition in partitions}
        for (partition, _), tail in self._decided.tails.items():
            if partition in tails and len(tail.offsets):
                tails[partition].append(tail)
        ends = self._decided.ends
        return {p: note_of(found, ends.get(p, 0), self.window) for p, found in tails.items()}

    def rebuilt(self, partition: Partition, steps: Sequence[Steps], note: str, end: int) -> Moved:
        """The series of a partition, from the records that its note says to read again.

        steps: of each of these records, in order. end: the first offset that is ours.
        """
        made = {
            (partition, key): self._tail(seen, rows, offsets)
            for key, seen, rows, offsets in read_again(steps, note, self.window)
        }
        return Moved(made, {partition: end})

    def put(self, partition: Partition, moved: Moved) -> None:
        """Know this of a partition, and nothing else."""
        self._decided.replace(partition, moved)
        self._resets.append((partition, moved))

    def forget(self, partition: Partition | None = _ALL) -> None:
        """Begin anew with the series of one partition, or with all."""
        self._decided.replace(partition, Moved({}, {}))
        self._resets.append((partition, Moved({}, {})))

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, as plain values and arrays."""
        tails = self._decided.tails
        steps = [tail.steps for tail in tails.values()]
        offsets = [tail.offsets for tail in tails.values()]
        return {
            "window": self._of,
            "ends": [[p.topic, p.number, end] for p, end in sorted(self._decided.ends.items())],
            "series": [
                [partition.topic, partition.number, key.hex(), tail.seen, len(tail.steps)]
                for (partition, key), tail in tails.items()
            ],
            "steps": np.concatenate(steps) if steps else np.empty((0, self._channels)),
            "offsets": np.concatenate(offsets) if offsets else np.empty(0, dtype=np.int64),
        }

    def restore(self, state: Mapping[str, Any] | None) -> None:
        """Go on where `state` was called; begin anew if it is of other windows, or None."""
        self.forget()
        if state is None or state["window"] != self._of:
            return
        tails, at = {}, 0
        for topic, number, key, seen, length in state["series"]:
            rows = slice(at, at + length)
            tail = Tail(seen, state["steps"][rows], state["offsets"][rows])
            tails[Partition(topic, number), bytes.fromhex(key)] = tail
            at += length
        ends = {Partition(topic, number): end for topic, number, end in state["ends"]}
        self._decided.replace(_ALL, Moved(tails, ends))
        self._resets.append((_ALL, self._decided.part(_ALL)))
