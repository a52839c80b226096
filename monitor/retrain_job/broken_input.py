"""Signs that records come from a broken sensor, and not from a world that has changed.

A new light, lens or tool changes what records look like; they still differ from each other in as
many ways as before. What is broken differs in fewer: values are stuck, frames repeat or are empty,
or nothing but noise is left, which every model reconstructs equally badly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from models.bundle import Bundle
from models.input_spec import InputSpec
from models.reconstruction import reconstruction_errors
from monitor.config.gates import GateConfig
from monitor.retrain_job.evaluation import Errors

Rows = NDArray[np.float32]
"""Records as the current model's network sees them: (n, d) or (n, C, H, W)."""

_DISTANCES: Final = ("mse", "mae")
"""Errors that are distances in the units of the records' own variation."""
VARIES_OFTEN: Final = 0.3
"""Share of the older records in which a pixel must differ from its median to count as varying."""
HARDLY: Final = 0.1
"""Share of the variation explained below which images are noise, whatever was explained before."""
COMPARED: Final = 400
"""Records whose distances to each other are measured."""
COPY_DISTANCE: Final = 1e-3
"""Distance, over the median one, at which two records are copies."""


@dataclass(frozen=True, slots=True)
class Sign:
    """found: None if it cannot be told. text: a part of a sentence, with the numbers."""

    name: str
    found: bool | None
    text: str


def prepared(spec: InputSpec, rows: NDArray[Any], most: int = 20_000) -> Rows:
    """Rows as the network sees them, at most so many of them, evenly chosen."""
    chosen = np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.int64)
    return spec.prepare(rows[chosen])


def stuck(parts: tuple[Rows, ...], before: Rows | None, spec: InputSpec, gates: GateConfig) -> Sign:
    """Features or pixels that used to vary and hardly do in one of the parts.

    What a feature's spread used to be is known from the current model's normalisation and from
    the older records, and the smaller of the two counts; a pixel's from the older records only.
    """
    usual = _usual_spread(before, spec)
    varying = np.isfinite(usual)
    if not varying.any():
        return Sign("stuck", None, "whether pixels are stuck cannot be told without older records")
    shares = [(part.std(axis=0) <= gates.stuck_ratio * usual)[varying] for part in parts]
    worst = max(shares, key=lambda found: found.mean())
    limit = gates.stuck_share if spec.is_image else 0.0
    kind = "pixels" if spec.is_image else "features"
    text = f"{worst.sum():,} of {varying.sum():,} {kind} that used to vary are stuck"
    if not spec.is_image and worst.any():
        text += f" ({_names(np.flatnonzero(varying)[worst], spec)})"
    return Sign("stuck", bool(worst.mean() > limit), text)


def _usual_spread(before: Rows | None, spec: InputSpec) -> NDArray[np.float64]:
    """Standard deviation of each element in normal records, normalised; nan where not known."""
    usual = np.full(spec.shape, np.nan)
    if not spec.is_image:
        usual[spec.varies] = 1.0
    if before is None:
        return usual
    spread = before.std(axis=0, dtype=np.float64)
    away = np.abs(before - np.median(before, axis=0)) > 0.25 * spread
    spread[(away.mean(axis=0) < VARIES_OFTEN) | (spread == 0)] = np.nan
    known: NDArray[np.float64] = np.where(np.isnan(usual), spread, np.minimum(usual, spread))
    return known


def _names(features: NDArray[np.int64], spec: InputSpec) -> str:
    named = [spec.columns[i] if spec.columns else f"feature {i}" for i in features[:3]]
    return ", ".join(named) + (", ..." if len(features) > 3 else "")


def repeated(rows: Rows, before: Rows | None, gates: GateConfig) -> Sign:
    """Records that are copies of others, or empty."""
    share, usual = _repeats(rows), 0.0 if before is None else _repeats(before)
    if before is None and rows[0].size < 3:
        return Sign("repeated", None, "whether records repeat cannot be told without older records")
    text = f"{share:.1%} of the records are copies or empty"
    if before is not None:
        text += f" (before: {usual:.1%})"
    return Sign("repeated", share - usual > gates.repeated_share, text)


def _repeats(rows: Rows) -> float:
    """Share of rows that are exact copies, near copies or one flat image, whichever is largest."""
    flat = np.ascontiguousarray(rows.reshape(len(rows), -1))
    copies = 1 - len({row.tobytes() for row in flat}) / len(flat)
    blank = 0.0
    if rows.ndim == 4:
        blank = float((flat.max(axis=1) - flat.min(axis=1) < 0.02).mean())
    return max(copies, blank, _near_copies(flat))


def _near_copies(flat: Rows) -> float:
    chosen = flat[np.linspace(0, len(flat) - 1, min(COMPARED, len(flat))).astype(np.int64)]
    if len(chosen) < 2:
        return 0.0
    from scipy.spatial.distance import pdist, squareform  # takes long to load

    distances = squareform(pdist(chosen))
    middle = float(np.median(distances))
    np.fill_diagonal(distances, np.inf)
    return float((distances.min(axis=1) <= COPY_DISTANCE * middle).mean())


def alike(errors: Errors, usual: Errors, gates: GateConfig) -> Sign:
    """The candidate's errors on the newest records, all nearly the same.

    usual: calibration errors of the current model. Compared is how far the middle half of the
    errors spreads, on a logarithmic scale.
    """
    width, before = _band(errors), _band(usual)
    if before == 0:
        return Sign("alike", None, "the current model's own errors do not spread")
    text = f"errors spread {width / before:.2f} times as far as the current model's in calibration"
    return Sign("alike", width / before < gates.band_ratio, text)


def noise(found: float, usual: float | None, spec: InputSpec, gates: GateConfig) -> Sign:
    """Records whose variation the candidate cannot explain.

    found: what it explains of the newest records; usual: the current model of the older ones, or
    None without any.
    """
    if usual is None and not spec.is_image:
        return Sign("noise", None, "whether they are noise cannot be told without older records")
    limit = HARDLY if usual is None else gates.explained_ratio * usual
    text = f"the candidate explains {max(found, 0):.0%} of their variation"
    if usual is not None:
        text += f" (the current model before: {max(usual, 0):.0%})"
    return Sign("noise", found < limit, text)


def explained(bundle: Bundle, rows: NDArray[Any], errors: Errors) -> float:
    """Share of the rows' variation that a model explains: 1 is all, 0 as much as their mean does.

    errors: the model's, of these rows; of a model with another error than a distance, its
    reconstructions' squared distance counts. Medians are compared, so that a few rows count little.
    """
    prepared = bundle.input_spec.prepare(rows)
    x = prepared.reshape(len(rows), -1)
    if bundle.error_metric not in _DISTANCES:
        errors = reconstruction_errors(bundle.model, torch.from_numpy(prepared))
    away = np.abs(x - x.mean(axis=0))
    from_mean = (away if bundle.error_metric == "mae" else away**2).mean(axis=1)
    variation = float(np.median(from_mean))
    return 1 - float(np.median(errors)) / variation if variation > 0 else 0.0


def _band(errors: Errors) -> float:
    positive = errors[errors > 0]
    if positive.size < errors.size / 2:
        return 0.0
    low, high = np.quantile(np.log(positive), [0.25, 0.75])
    return float(high - low)
