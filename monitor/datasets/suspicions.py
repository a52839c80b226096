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
STAND_IN: Final = "has nines far from all other values, which may stand for a missing one"
_LABELS: Final = re.compile(
    r"^(is_?)?(label|labels|class|target|y|outcome|anomaly|anomalies|outlier|changepoint|attack"
    r"|fault|fraud|normal|ground_?truth)$",
    re.IGNORECASE,
)
_IDS: Final = re.compile(
    r"(^|[_\s.-])(id|uuid|guid|index|idx|serial|row|nr|no|key)$|^(unnamed: \d+)$", re.IGNORECASE
)
_LABEL_WORDS: Final = frozenset(
    [
        "normal",
        "abnormal",
        "benign",
        "malicious",
        "attack",
        "anomaly",
        "anomalous",
        "fraud",
        "faulty",
    ]
)
_NINES: Final = tuple(float(sign + "9" * n) for sign in ("-", "") for n in range(2, 7))
_APART: Final = 0.5
"""How far from all others, in their range, such a value is."""
_FAR: Final = 8.0
"""Interquartile ranges from the median of a column that are not of it."""
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
    words = column.kind == "category" and {v.casefold() for v in column.values} & _LABEL_WORDS
    named = _LABELS.match(column.name) and (few or column.kind in ("boolean", "category"))
    if named or words:
        found.append(LABEL)
    if column.kind == "number" and not column.width and column.rows >= _LEAST:
        many = column.distinct is None or column.distinct >= _DISTINCT * column.rows
        if _IDS.search(column.name) and column.whole and many:
            found.append(ID)
        if column.rising:
            found.append(RISING)
    return tuple(found)


def stand_ins(sample: NDArray[np.float64], names: Sequence[str]) -> set[str]:
    """Columns in which -999, 9999 or the like occurs more than once, far from all other values.

    sample: rows (n, d) with NaN where there is no number.
    """
    return {name for name, values in zip(names, sample.T, strict=True) if _has_stand_in(values)}


def _has_stand_in(values: NDArray[np.float64]) -> bool:
    for nines in _NINES:
        others = values[np.isfinite(values) & (values != nines)]
        if (values == nines).sum() < 2 or others.size < _LEAST:
            continue
        apart = max(others.min() - nines, nines - others.max())
        if apart > _APART * np.ptp(others):
            return True
    return False


def shifted(sample: NDArray[np.float64]) -> int:
    """How many rows fit the columns only if their cells move by one place.

    sample: rows (n, d) with NaN where there is no number, which fits anywhere.
    """
    if len(sample) < _LEAST or sample.shape[1] < 3:
        return 0
    kept = sample[:, :COLUMNS]
    kept = kept[:, np.isfinite(kept).all(axis=0)]
    low, middle, high = np.quantile(kept, (0.25, 0.5, 0.75), axis=0) if kept.size else np.ones(3)
    if kept.shape[1] < 3 or not (high > low).any():
        return 0
    kept, middle, spread = (part[..., high > low] for part in (kept, middle, high - low))
    far = np.abs(kept - middle) > _FAR * spread
    odd = far.sum(axis=1) >= max(2, kept.shape[1] / 2)
    ahead = (np.abs(kept[:, :-1] - middle[1:]) <= _FAR * spread[1:]).all(axis=1)
    behind = (np.abs(kept[:, 1:] - middle[:-1]) <= _FAR * spread[:-1]).all(axis=1)
    return int((odd & (ahead | behind)).sum())


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
    options = {LABEL: "--label", ID: "--id", RISING: "--time or --drop",
               STAND_IN: "leave such cells empty, and say --missing"}  # fmt: skip
    said = [f"{look} ({options[look]})" for look in looks if look in options]
    return f"column {name!r} {', and '.join(said)}" if said else ""
