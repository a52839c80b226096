"""A uniform sample of rows that come in any number, at the cost of those that are taken.

Each row has a tag, uniform in (0, 1), and the rows with the smallest tags are the sample; so the
smallest tags of several samples together are a sample of all their rows. Tags of rows that are
not taken are never drawn: how many follow before the next one that is, is drawn instead (Li,
Reservoir-sampling algorithms of time complexity O(n(1 + log(N/n))), ACM TOMS 1994, algorithm L).
"""

from __future__ import annotations

import heapq
import math
from random import Random


class Reservoir:
    """Takes `size` of all rows that it is told of."""

    def __init__(self, size: int, random: Random) -> None:
        self._size, self._random = size, random
        self._largest_first: list[float] = []
        self._skip = 0

    @property
    def full(self) -> bool:
        """Whether as many rows came as the sample has."""
        return len(self._largest_first) == self._size

    def take(self, count: int) -> list[tuple[int, float]]:
        """Of so many more rows those that are in the sample now: position and tag of each."""
        found = []
        at = 0
        while True:
            if not self.full:
                if at == count:
                    break
                tag = 1.0 - self._random.random()
                heapq.heappush(self._largest_first, -tag)
            else:
                if self._skip >= count - at:
                    self._skip -= count - at
                    break
                at += self._skip
                tag = self._largest * (1.0 - self._random.random())
                heapq.heapreplace(self._largest_first, -tag)
            found.append((at, tag))
            at += 1
            if self.full:
                self._jump()
        return [(at, tag) for at, tag in found if tag <= self._largest]

    @property
    def _largest(self) -> float:
        return -self._largest_first[0]

    def _jump(self) -> None:
        """How many rows have a larger tag than all of the sample, until the next one."""
        share = max(self._largest, 1e-300)
        if share >= 1.0:
            self._skip = 0
            return
        self._skip = int(math.log(1.0 - self._random.random()) / math.log1p(-share))
