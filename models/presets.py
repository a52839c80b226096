"""Presets: which candidates are compared for which records.

    fast    no comparison: the plain model of the records' shape, `default_architecture`
    auto    the plain model, and those that are usually better and quickly trained
    best    the same, and variations that take longer

A candidate's cost is what a record takes a daemon with it, in times what it takes with the plain
model: scoring_costs.py states it. Candidates stand in the order in which they are tried.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from models import architectures, scoring_costs
from models.architectures import default_architecture
from models.errors import TrainingError

if TYPE_CHECKING:
    from models.input_spec import InputSpec

FAST: Final = "fast"
AUTO: Final = "auto"
BEST: Final = "best"
PRESETS: Final = (FAST, AUTO, BEST)
MINUTES: Final = 5.0
BEST_MINUTES: Final = 30.0
COST: Final = 1.3
"""Allowed by default, of all that a daemon does for a record."""
LARGE: Final = 1024
"""Values of a record up to which `ladder` is a candidate: beyond, it costs more than `COST` allows,
and found less than `linear` on the one set with so many that was tried."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An architecture with settings. preset: the least that tries it."""

    name: str
    architecture: str
    preset: str = AUTO
    settings: Mapping[str, Any] = field(default_factory=dict)
    error_metric: str = "mse"

    def cost(self, spec: InputSpec) -> float:
        """For a record, in times what the plain model of such records costs a daemon."""
        return scoring_costs.times(self.architecture, default_architecture(spec), spec)


@dataclass(frozen=True, slots=True)
class Preset:
    """How to choose. minutes: in which candidates are tried. cost: the most, inf for any.

    Raises TrainingError for a name that is none, and values out of range.
    """

    name: str = AUTO
    minutes: float | None = None
    cost: float = COST

    def __post_init__(self) -> None:
        if self.name not in PRESETS:
            raise TrainingError(f"preset must be {', '.join(PRESETS)}, got {self.name!r:.80}.")
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise TrainingError(f"minutes must be a number above 0, got {self.minutes:g}.")
        if not self.cost >= 1:
            raise TrainingError(
                f"cost must be at least 1, what the plain model costs, got {self.cost:g}."
            )

    @property
    def seconds(self) -> float:
        """The time to try candidates in."""
        default = BEST_MINUTES if self.name == BEST else MINUTES
        return 60 * (self.minutes or default)

    def candidates(self, spec: InputSpec) -> list[Candidate]:
        """What is tried for these records, without what does not fit them."""
        tried = {AUTO: (AUTO,), BEST: (AUTO, BEST)}.get(self.name, ())
        suited = _suited(spec)
        return [each for each in suited if each.preset in tried and _fits(each, spec)]


def plain(spec: InputSpec) -> Candidate:
    """What `fast` takes."""
    name = default_architecture(spec)
    return Candidate(name, name)


def _suited(spec: InputSpec) -> list[Candidate]:
    first = plain(spec)
    if first.architecture == "convolutional":
        # No linear one on pixels: it ranks noise and contrast so well that it is chosen, and on
        # MNIST tells digits apart far worse than edges does.
        return [Candidate("edges", "edges"), Candidate("patches", "patches"), first, *_PICTURES]
    if first.architecture == "temporal":
        return [*_solved(spec), first, *_SERIES]
    return [
        *_solved(spec),
        first,
        Candidate("narrow", "dense", BEST, {"hidden": _narrow(spec)}),
        Candidate("absolute", "dense", BEST, error_metric="mae"),
        *_VECTORS,
    ]


def _solved(spec: InputSpec) -> list[Candidate]:
    """Those that are solved: they find most, with fewer records than values, too."""
    linear = Candidate("linear", "linear")
    return [linear] if math.prod(spec.shape) > LARGE else [Candidate("ladder", "ladder"), linear]


def _narrow(spec: InputSpec) -> list[int]:
    """Layers of half the values and of half their root."""
    d = math.prod(spec.shape)
    return [max(2, d // 2), max(1, math.isqrt(d) // 2)]


def _fits(candidate: Candidate, spec: InputSpec) -> bool:
    try:
        architectures.outline(candidate.architecture, spec, candidate.settings)
    except ValueError:
        return False
    return True


_VECTORS: Final = (
    Candidate("denoising", "denoising", BEST),
    Candidate("variational", "variational", BEST),
    Candidate("memory", "memory", BEST),
)
_PICTURES: Final = (
    Candidate("code of 16", "convolutional", BEST, {"bottleneck": 16}),
    Candidate("dense", "dense", BEST),
    Candidate("variational", "convolutional-variational", BEST),
)
_SERIES: Final = (
    Candidate("code of 16", "temporal", BEST, {"bottleneck": 16}),
    Candidate("dense", "dense", BEST),
    Candidate("denoising", "denoising", BEST),
)
