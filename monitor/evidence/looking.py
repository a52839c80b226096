"""Looks at rows: what they hold, and what the model expected, in a forward pass or two each."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from models.bundle_metadata import without_controls
from models.explanation import LONGEST, Explained, Explanation, LeftOut
from models.input_spec import InputSpec
from models.reconstruction import Reconstructions
from monitor.evidence.kept import CONTENTS_BYTES, PICTURE_BYTES, SIZE, Contents
from monitor.evidence.thumbnail import thumbnail
from monitor.pipeline.explanation_json import explanation_json
from monitor.pipeline.explanations import VALUES_PER_SECOND

FEATURES: Final = 12
"""Features of a row that are kept, those with the largest share of its error."""
STEPS: Final = 96
"""Steps of a series that are kept; of a longer one every second, third, ..."""
SERIES: Final = 4
"""Channels of a series whose steps are kept."""
PER_SECOND: Final = 2.0


class Explains(Protocol):
    """Says what carries the error of rows (B, *record_shape)."""

    def explain(self, records: NDArray[Any]) -> Sequence[Explained]:
        """In their order."""


class Budget:
    """So many a second, and as many at once. now: seconds of a clock that only goes on."""

    def __init__(self, per_second: float, now: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._now = per_second, now
        self._most = max(1.0, per_second)
        self._left, self._seen = self._most, now()

    def spend(self) -> bool:
        """Whether one more may be done now."""
        now = self._now()
        self._left = min(self._most, self._left + self._rate * max(0.0, now - self._seen))
        self._seen = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Looker:
    """Shows rows of one model.

    reconstruct: what the model makes of rows. budget: how often; by default twice a second, less
    often for large records. stage: timed as such.
    """

    def __init__(
        self,
        spec: InputSpec,
        explainer: Explains,
        reconstruct: Callable[[NDArray[Any]], Reconstructions],
        budget: Budget | None = None,
        stage: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._spec, self._explainer, self._reconstruct = spec, explainer, reconstruct
        elements = int(np.prod(spec.shape))
        self.budget = budget or Budget(min(PER_SECOND, VALUES_PER_SECOND / elements))
        self._stage = stage

    def look(self, sample: NDArray[Any]) -> Contents:
        """What there is to see of a row (1, *record_shape)."""
        with self._stage():
            (explained,) = self._explainer.explain(sample)
            if isinstance(explained, LeftOut):
                return Contents(left_out=explained.reason)
            if self._spec.is_image:
                return self._picture(sample, explained)
            features = self._features(explained)
            if self._spec.layout == "series":
                self._add_steps(features, self._reconstruct(sample))
            return fitting(features)

    def _picture(self, sample: NDArray[Any], explained: Explanation) -> Contents:
        picture = thumbnail(self._spec, self._reconstruct(sample))
        place = explanation_json(explained, values=False)
        if len(picture) > PICTURE_BYTES:
            return Contents(place=place, left_out=SIZE)
        return Contents(place=place, picture=picture)

    def _features(self, explained: Explanation) -> list[dict[str, Any]]:
        found = explanation_json(explained, values=True)["features"]
        return [{"name": each.pop("feature"), **each} for each in found]

    def _add_steps(self, features: list[dict[str, Any]], made: Reconstructions) -> None:
        """The course of the channels that are named first, and what was expected."""
        names = self._spec.features or tuple(f"feature {i}" for i in range(self._spec.shape[0]))
        every = -(-self._spec.shape[1] // STEPS)
        for feature in features[:SERIES]:
            rows = [i for i, name in enumerate(names) if _line(name) == feature["name"]]
            if rows:
                feature["every"] = every
                feature["course"] = _numbers(made.original[0, rows[0], ::every])
                feature["expected_course"] = _numbers(made.reconstruction[0, rows[0], ::every])


def fitting(features: list[dict[str, Any]]) -> Contents:
    """As many of the features, from the first, as may be kept."""
    for count in range(len(features), 0, -1):
        if len(json.dumps(features[:count])) <= CONTENTS_BYTES:
            left_out = None if count == len(features) else SIZE
            return Contents(features=features[:count], left_out=left_out)
    return Contents(left_out=SIZE)


def _line(name: str) -> str:
    return without_controls(name)[:LONGEST]


def _numbers(values: NDArray[np.float32]) -> list[float | None]:
    return [float(f"{v:.5g}") if np.isfinite(v) else None for v in values.tolist()]
