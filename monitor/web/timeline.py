"""What the status page draws over time, from minutes to a week, in a bounded number of points.

Times are of the daemon's own clock. It is kept in a file beside the snapshots, so that it survives
a restart; it is no part of them, and nothing is decided by it.
"""

from __future__ import annotations

import json
import math
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog

from models.files import write_whole
from monitor.stream.records import Verdict

log = structlog.get_logger(__name__)

FILE: Final = "timeline.json"
SCHEMA: Final = "timeline-1"
LARGEST_BYTES: Final = 4 * 2**20
SAVE_SECONDS: Final = 60.0
MARKS_KEPT: Final = 100
SPANS: Final = {"minutes": (2, 300), "hour": (10, 360), "day": (240, 360), "week": (1800, 336)}
"""Of each span, the seconds of a point and how many points are kept."""
_WORST: Final = ("unknown", "ok", "learning", "pending", "firing")
"""States, the one that is told of a point where there were several last."""


@dataclass(slots=True)
class Point:
    """Some seconds of the stream. start: when they began, seconds since the epoch.

    state: the worst there was. ratio: of the median error to the reference's. quantiles: of the
    rolling window at the end, None for those not known. rows, anomalous: decided on meanwhile.
    """

    start: int
    state: str
    ratio: float | None
    quantiles: list[float | None]
    rows: int = 0
    anomalous: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at a moment. kind: started, model."""

    time: float
    kind: str
    text: str


@dataclass
class Timeline:
    """Written by the run loop, read from any thread.

    folder: where it is kept, or None. levels: of the quantiles. lines: errors of the model in use
    that the curves are read against, by name.
    """

    folder: Path | None = None
    levels: tuple[float, ...] = ()
    lines: Mapping[str, float] = field(default_factory=dict)
    _rings: dict[str, deque[Point]] = field(default_factory=dict)
    _marks: deque[Mark] = field(default_factory=lambda: deque(maxlen=MARKS_KEPT))
    _totals: tuple[int, int] | None = None
    _saved: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._rings = {span: deque(maxlen=points) for span, (_, points) in SPANS.items()}

    def note(self, now: float, verdict: Verdict, rows: int, anomalous: int) -> None:
        """Take in how it stands. rows, anomalous: decided on in all."""
        before = self._totals or (rows, anomalous)
        new = (max(0, rows - before[0]), max(0, anomalous - before[1]))
        self._totals = rows, anomalous
        quantiles = [_known(estimate.value) for estimate in verdict.quantiles.values()]
        with self._lock:
            self._take_levels(tuple(verdict.quantiles))
            for span, (seconds, _) in SPANS.items():
                point = self._point(span, int(now) // seconds * seconds, str(verdict.state))
                point.ratio, point.quantiles = _known(verdict.ratio.value), quantiles
                point.rows += new[0]
                point.anomalous += new[1]

    def _take_levels(self, levels: tuple[float, ...]) -> None:
        if levels != self.levels:
            self.levels = levels
            for ring in self._rings.values():
                ring.clear()

    def _point(self, span: str, start: int, state: str) -> Point:
        """The newest point; a clock that was set back makes none."""
        ring = self._rings[span]
        if not ring or start > ring[-1].start:
            ring.append(Point(start, state, None, []))
        elif _rank(state) > _rank(ring[-1].state):
            ring[-1].state = state
        return ring[-1]

    def mark(self, now: float, kind: str, text: str) -> None:
        """Something happened that the curves are to be read with."""
        with self._lock:
            self._marks.append(Mark(now, kind, text))

    def document(self, span: str) -> dict[str, Any]:
        """A span in columns, as JSON values. Raises KeyError for an unknown span."""
        seconds, kept = SPANS[span]
        with self._lock:
            points = list(self._rings[span])
            marks = [asdict(mark) for mark in self._marks]
        begin = points[-1].start - seconds * kept if points else 0
        points = [point for point in points if point.start > begin]
        return {
            "span": span,
            "seconds": seconds,
            "times": [point.start for point in points],
            "states": [point.state for point in points],
            "ratio": [point.ratio for point in points],
            "quantiles": {
                f"{level:g}": [_at(point.quantiles, i) for point in points]
                for i, level in enumerate(self.levels)
            },
            "rows": [point.rows for point in points],
            "anomalous": [point.anomalous for point in points],
            "lines": dict(self.lines),
            "marks": [mark for mark in marks if mark["time"] > begin],
        }

    def around(self, begin: float, end: float) -> dict[str, Any]:
        """The finest span that holds a stretch of time, as JSON values; else the week."""
        for span in SPANS:
            found = self.document(span)
            if found["times"] and found["times"][0] <= begin:
                return found
        return self.document("week")

    def fitting(self) -> str:
        """The span to show first: the shortest, as long as it holds all there is, else an hour."""
        seconds, kept = SPANS["minutes"]
        with self._lock:
            ring = self._rings["hour"]
            short = not ring or ring[-1].start - ring[0].start < seconds * kept
        return "minutes" if short else "hour"

    def save(self, now: float, *, at_once: bool = False) -> None:
        """Write it, if that is due. What cannot be written is told, and tried again later."""
        if self.folder is None or (now - self._saved < SAVE_SECONDS and not at_once):
            return
        self._saved = now
        with self._lock:
            document = {
                "schema": SCHEMA,
                "levels": self.levels,
                "lines": dict(self.lines),
                "spans": {s: [asdict(p) for p in ring] for s, ring in self._rings.items()},
                "marks": [asdict(mark) for mark in self._marks],
            }
        try:
            write_whole(self.folder / FILE, json.dumps(document, allow_nan=False).encode())
        except OSError as error:
            log.warning("the timeline cannot be written", error=error.strerror)

    def load(self) -> None:
        """Go on where it was saved; what cannot be read is told, and the curves begin anew."""
        if self.folder is None:
            return
        path = self.folder / FILE
        try:
            if path.stat().st_size > LARGEST_BYTES:
                raise ValueError(f"larger than {LARGEST_BYTES} bytes")
            self._restore(json.loads(path.read_bytes()))
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            log.warning("the timeline cannot be read; it begins anew", file=path, error=str(error))

    def _restore(self, document: Mapping[str, Any]) -> None:
        if document["schema"] != SCHEMA:
            raise ValueError(f"unknown schema {document['schema']!r}")
        levels = tuple(float(level) for level in document["levels"])
        rings = {span: _points(document["spans"][span], len(levels)) for span in SPANS}
        marks = [
            Mark(_finite(m["time"]), str(m["kind"]), str(m["text"])) for m in document["marks"]
        ]
        lines = {str(name): _finite(value) for name, value in document["lines"].items()}
        with self._lock:
            self.levels, self.lines = levels, lines
            for span, points in rings.items():
                self._rings[span].extend(points)
            self._marks.extend(marks)


def _points(stored: Iterable[Mapping[str, Any]], levels: int) -> list[Point]:
    points = [
        Point(
            int(each["start"]),
            each["state"] if each["state"] in _WORST else "unknown",
            _number(each["ratio"]),
            [_number(value) for value in each["quantiles"]],
            int(each["rows"]),
            int(each["anomalous"]),
        )
        for each in stored
    ]
    if any(len(point.quantiles) != levels for point in points):
        raise ValueError("a point has another number of quantiles")
    starts = [point.start for point in points]
    if starts != sorted(set(starts)):
        raise ValueError("its points are not in order")
    return points


def _rank(state: str) -> int:
    return _WORST.index(state) if state in _WORST else 0


def _at(values: Sequence[float | None], index: int) -> float | None:
    return values[index] if index < len(values) else None


def _number(value: Any) -> float | None:
    return None if value is None else _finite(value)


def _finite(value: Any) -> float:
    if not math.isfinite(number := float(value)):
        raise ValueError(f"{value!r} is not a finite number")
    return number


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
