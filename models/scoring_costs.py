"""What it costs a daemon to score a record with each architecture: stated, not measured in a run.

The forward pass is a small part of it. A daemon also fetches a record with kafka-python, decodes
it, judges its error and publishes: OWN microseconds of one core, and some more for each value
(docs/benchmarks/results.md, end_to_end: cost less the bare forward pass). So a pass of ten times
the time of `dense` makes a daemon on 16 values a fifth dearer, no more.

Stated, so that equal trainings choose alike on any machine: microseconds of one core by the values
of a record, from `python -m benchmarks.quality.costs`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from models.input_spec import InputSpec

OWN: Final = 8.0
"""Microseconds a record that are no forward pass, raw bytes, kafka-python."""
_A_VALUE: Final = {"vector": 0.017, "series": 0.017}
_A_PIXEL: Final = 0.0035
"""Microseconds more for each value: float32 numbers, and pixels of one byte."""

Figures = tuple[tuple[int, float], ...]

_DENSE: Final = (
    (5, 0.2), (20, 0.2), (50, 0.5), (100, 1.4), (200, 4.5), (400, 16.5), (784, 25.0), (1024, 31.0),
)  # fmt: skip
_CONVOLUTIONAL: Final = ((64, 8.2), (256, 19.4), (784, 56.5), (1024, 69.6))
FORWARD: Final[dict[str, Figures]] = {
    "dense": _DENSE,
    "denoising": _DENSE,
    "variational": _DENSE,
    "linear": (
        (5, 0.2),
        (50, 0.3),
        (100, 0.6),
        (200, 1.3),
        (400, 4.3),
        (784, 13.8),
        (1024, 23.8),
    ),
    "ladder": (
        (5, 0.8),
        (20, 1.0),
        (50, 1.8),
        (100, 3.6),
        (200, 7.0),
        (400, 15.2),
        (784, 36.8),
        (1024, 72.0),
    ),
    "memory": (
        (5, 0.8),
        (50, 1.1),
        (100, 2.0),
        (200, 5.1),
        (400, 17.1),
        (784, 25.6),
        (1024, 31.6),
    ),
    "convolutional": _CONVOLUTIONAL,
    "convolutional-variational": _CONVOLUTIONAL,
    "edges": ((64, 9.3), (256, 17.6), (784, 48.0), (1024, 64.0)),
    "patches": ((64, 3.8), (256, 17.2), (784, 58.0), (1024, 75.0)),
    "temporal": ((48, 1.9), (256, 22.8), (1024, 52.3)),
}
"""Microseconds of a forward pass by the values of a record, ascending. Those of `ladder`,
`edges` and `patches` are their share of the plain model, measured in turn, of what that is here."""


def microseconds(architecture: str, spec: InputSpec) -> float:
    """Of a daemon, for a record with this architecture, one of FORWARD."""
    values = math.prod(spec.shape)
    own = OWN + _A_VALUE.get(spec.layout, _A_PIXEL) * values
    return own + _forward(FORWARD[architecture], values)


def times(architecture: str, plain: str, spec: InputSpec) -> float:
    """What a daemon takes with it for a record, in times what it takes with the plain model."""
    return round(microseconds(architecture, spec) / microseconds(plain, spec), 2)


def _forward(figures: Figures, values: int) -> float:
    """Straight between the figures; as the last one beyond it, for each value."""
    import numpy as np  # the command line names presets without it

    sizes, costs = zip(*figures, strict=True)
    beyond: float = max(1.0, values / sizes[-1])
    return beyond * float(np.interp(values, sizes, costs))
