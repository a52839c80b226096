"""What `aead-monitor score --explain` says of anomalies: in its file, and on the terminal."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from models.explanation import Explained, Explanation, FeatureShare, LeftOut, Place
from monitor.pipeline.explanation_json import explanation_json
from monitor.process.text import printable_line

if TYPE_CHECKING:
    from monitor.pipeline.explanations import RowExplainer

_BLOCK: Final = 256
"""Records in one forward pass, at most."""
_ELEMENTS: Final = 1 << 20
"""Numbers in one forward pass, at most, but for one record."""
_LINE: Final = 160


class AnomaliesExplained:
    """Explains the records of a file that are anomalous."""

    def __init__(self, explainer: RowExplainer) -> None:
        self._explainer = explainer

    def cells(self, records: NDArray[Any], wanted: NDArray[np.bool_]) -> list[str | None]:
        """JSON for each record that is wanted, (n,) bool, None for all others."""
        cells: list[str | None] = [None] * len(records)
        rows = wanted.nonzero()[0]
        block = max(1, min(_BLOCK, _ELEMENTS // max(1, math.prod(records.shape[1:]))))
        for start in range(0, len(rows), block):
            part = rows[start : start + block]
            found = self._explainer.explain(records[part])
            for i, explained in zip(part.tolist(), found, strict=True):
                body = explanation_json(explained, values=True)
                cells[i] = json.dumps(body, separators=(",", ":"), allow_nan=False)
        return cells

    def lines(self, records: Sequence[NDArray[Any]]) -> list[str]:
        """A line for people on each of a few records."""
        return [
            printable_line(_words(self._explainer.explain(record[np.newaxis])[0]), _LINE)
            for record in records
        ]


def _words(explained: Explained) -> str:
    if isinstance(explained, LeftOut):
        return "the errors of its parts are not finite: no explanation"
    if explained.place is not None:
        return "; ".join([_placed(explained.place), *_unplaced(explained)])
    return ", ".join(map(_feature, explained.features))


def _feature(each: FeatureShare) -> str:
    when = ""
    if each.steps is not None:
        first, last = each.steps
        when = f"step {first}: " if first == last else f"steps {first} to {last}: "
    return f"{each.feature} {each.share:.0%} ({when}{_value(each)}, expected {_expected(each)})"


def _value(each: FeatureShare) -> str:
    return "missing" if each.value is None else _text(each.value)


def _expected(each: FeatureShare) -> str:
    return "none" if each.expected is None else _text(each.expected)


def _text(value: float | bool | str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else f"{value:.5g}"


def _placed(place: Place) -> str:
    if place.area == 1:
        return f"{place.share:.0%} of the error all over the picture"
    return (
        f"{place.share:.0%} of the error in {place.area:.1%} of the picture:"
        f" {place.width} x {place.height} pixels from ({place.left}, {place.top})"
    )


def _unplaced(explained: Explanation) -> list[str]:
    return [f"{share:.0%} {name}" for name, share in explained.unplaced.items()]
