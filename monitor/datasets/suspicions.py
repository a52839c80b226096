"""What columns look like, beyond numbers: labels, ids, counters, constants, and pairs of one.

They are said, and nothing is left out for them: a name or a slope proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.datasets.column import Column

LABEL: Final = "looks like a label"
ID: Final = "looks like an id"
RISING: Final = "always rising, as a time stamp or a counter"
CONSTANT: Final = "constant"
_LABELS: Final = re.compile(
    r"^(is_?)?(label|labels|class|target|y|outcome|anomaly|anomalies|outlier|changepoint|attack"
    r"|fault|fraud|normal|ground_?truth)$",
    re.IGNORECASE,
)
_IDS: Final = re.compile(
    r"(^|[_\s.-])(id|uuid|guid|index|idx|serial|row|nr|no|key)$|^(unnamed: \d+)$", re.IGNORECASE
)
_LABEL_VALUES: Final = 50
_DISTINCT: Final = 0.9
_LEAST: Final = 20
"""Rows from which on a slope says something."""
ONE: Final = 0.99999
"""Correlation of two columns that say the same."""
COLUMNS: Final = 512
"""Columns that are compared with each other, at most."""
PAIRS: Final = 20


def of(column: Column) -> tuple[str, ...]:
    """What it looks like."""
    found = []
    if column.constant and column.kind != "empty":
        found.append(CONSTANT)
    few = column.distinct is not None and column.distinct <= _LABEL_VALUES
    if _LABELS.match(column.name) and (few or column.kind in ("boolean", "category")):
        found.append(LABEL)
    if column.kind == "number" and not column.width and column.rows >= _LEAST:
        many = column.distinct is None or column.distinct >= _DISTINCT * column.rows
        if _IDS.search(column.name) and column.whole and many:
            found.append(ID)
        if column.rising:
            found.append(RISING)
    return tuple(found)


def pairs(sample: NDArray[np.float64], names: Sequence[str]) -> list[tuple[str, str, float]]:
    """Columns that are the same up to scale and sign, by a sample of rows (n, d) with NaN where
    there is no number; at most so many pairs, of at most so many columns."""
    if len(sample) < _LEAST:
        return []
    complete = np.isfinite(sample).all(axis=0) & (np.ptp(sample, axis=0) > 0)
    kept = np.flatnonzero(complete)[:COLUMNS]
    if kept.size < 2:
        return []
    with np.errstate(all="ignore"):
        correlations = np.asarray(np.corrcoef(sample[:, kept], rowvar=False))
    found = np.argwhere(np.triu(np.abs(correlations) > ONE, k=1))[:PAIRS]
    return [(names[kept[i]], names[kept[j]], float(correlations[i, j])) for i, j in found.tolist()]


def advice(name: str, looks: Sequence[str]) -> str:
    """What to do about a column that should perhaps be no feature, or ""."""
    options = {LABEL: "--label", ID: "--id", RISING: "--time or --drop"}
    said = [f"{look} ({options[look]})" for look in looks if look in options]
    return f"column {name!r} {', and '.join(said)}" if said else ""
