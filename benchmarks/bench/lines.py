"""What a group of measurements found, and the form in which it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.bench.measuring import Cost, Spread

Cell = str | int | float


@dataclass(frozen=True)
class Line:
    """One thing of ours beside others; all lists have one cost a turn.

    parts: bare parts that add up to the bound. beside: others that do the same work, and further
    anchors; each stands alone. notes: further figures, by name.
    """

    name: str
    ours: Sequence[Cost]
    parts: Mapping[str, Sequence[Cost]] = field(default_factory=dict)
    beside: Mapping[str, Sequence[Cost]] = field(default_factory=dict)
    notes: Mapping[str, Cell] = field(default_factory=dict)

    @property
    def share(self) -> Spread | None:
        """Cost of the parts over ours, in each turn: 1 is as fast as the parts allow."""
        if not self.parts:
            return None
        return Spread.of(
            [
                sum(part[turn].processor for part in self.parts.values()) / ours.processor
                for turn, ours in enumerate(self.ours)
            ]
        )

    def times(self, other: str) -> Spread:
        """Cost of one that stands beside over ours: above 1, we cost less."""
        pairs = zip(self.beside[other], self.ours, strict=True)
        return Spread.of([theirs.processor / ours.processor for theirs, ours in pairs])

    def to_json(self) -> dict[str, Any]:
        """All costs, and what was made of them."""
        return {
            **asdict(self),
            "share": None if self.share is None else asdict(self.share),
            "times": {name: asdict(self.times(name)) for name in self.beside},
        }


@dataclass(frozen=True)
class Table:
    """Figures that are no costs of a record."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass
class Result:
    """Of one group. skipped: what was not measured, and why."""

    lines: list[Line] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As it is kept in a file."""
        return {
            "lines": [line.to_json() for line in self.lines],
            "tables": [asdict(table) for table in self.tables],
            "skipped": list(self.skipped),
        }
