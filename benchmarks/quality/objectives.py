"""What each objective of training is for, and whether it comes of it: beside the plain network.

    python -m benchmarks.quality.objectives

Each learns the 8 x 8 digits that scikit-learn ships (`denoising` and `contractive`: records of 12
values that follow one hidden value; `reconstruction-probability`: the same with uneven noise), with
a code of 24, or two there, and is looked at on records held out. The figure is what the objective
asks for: how many code values are away from zero, how much the code changes where a record does,
how much of what was replaced is brought back, how many codes lie where a standard normal
distribution says, how far the spread that is stated of each value is from the one it has, how many
remembered codes a record is put together of. The error is what is left of the variance of the
records. Means of three seeds, and from least to most. Prints a table, Markdown; three minutes on a
core.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from torch import Tensor
from torch.func import jacrev, vmap

from models import recipe
from models.conduct import Conduct
from models.denoising import CORRUPTION, replaced
from models.memory_augmented import MemoryAugmented
from models.reconstruction_probability import ReconstructionProbability
from models.settings import TrainingSettings

SEEDS = (0, 1, 2)
HIDDEN = [48, 24]
EPOCHS = 60
ACTIVE = 0.2
"""From zero, of a code value in (-1, 1)."""
WITHIN = 1.96
"""Of a standard normal distribution, 95% lie closer to zero."""

Floats = NDArray[np.float64]
Figure = Callable[[Any, Tensor], float]
"""Of a model and prepared records."""


def pictures(seed: int) -> Floats:
    """Digits, in an order of the seed."""
    return np.random.default_rng(seed).permutation(load_digits().images)


def table(seed: int) -> Floats:
    """Records (1500, 12) that follow one hidden value, and a little noise."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, np.pi, size=(1500, 1))
    return np.asarray(np.cos(angle + np.arange(12)) + rng.normal(scale=0.05, size=(1500, 12)))


def uneven(seed: int) -> Floats:
    """The same, of which every second value has ten times as much noise."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, np.pi, size=(1500, 1))
    noise = rng.normal(size=(1500, 12)) * np.tile([0.05, 0.5], 6)
    return np.asarray(np.cos(angle + np.arange(12)) + noise)


def active(model: Any, x: Tensor) -> float:
    """Share of code values that are away from zero."""
    return float((model.encode(x).abs() > ACTIVE).double().mean())


def slope(model: Any, x: Tensor) -> float:
    """Mean squared Frobenius norm of the exact Jacobian of the code."""
    each = vmap(jacrev(lambda one: model.encode(one[None])[0]))(x[:200])
    return float(each.flatten(1).square().sum(1).mean())


def brought_back(model: Any, x: Tensor) -> float:
    """Of what a fifth of the values lost when they were replaced, the share that is regained."""
    torch.manual_seed(1)
    copies = replaced(x, CORRUPTION)
    lost = (copies - x).square().mean()
    return float(1 - (model(copies) - x).square().mean() / lost)


def normal_codes(model: Any, x: Tensor) -> float:
    """Share of drawn codes' values within 1.96 of zero: 0.95 of a standard normal distribution.

    Of a network without a distribution, its codes.
    """
    if not hasattr(model, "distribution"):
        return float((model.encode(x).abs() <= WITHIN).double().mean())
    mean, log_variance = model.distribution(x)
    torch.manual_seed(1)
    drawn = mean + (log_variance / 2).exp() * torch.randn_like(mean)
    return float((drawn.abs() <= WITHIN).double().mean())


def misjudged(model: Any, x: Tensor) -> float:
    """How far the share of records within 1.96 spreads of a value is from 0.95, mean over values.

    Of a network that states no spread, it is that of all differences together, as a mean of squares
    has it.
    """
    if isinstance(model, ReconstructionProbability):
        mean, log_variance = model.probable(model.encode(x))
        far = (x.flatten(1) - mean).abs() / (log_variance / 2).exp()
    else:
        far = (x - model(x)).flatten(1).abs()
        far = far / far.square().mean().sqrt()
    return float(((far <= WITHIN).double().mean(0) - 0.95).abs().mean())


def used(model: Any, x: Tensor) -> float:
    """Remembered codes that a record is put together of: the exponential of their entropy."""
    if not isinstance(model, MemoryAugmented):
        return float("nan")
    return float(torch.special.entr(model.weights(x)).sum(1).exp().mean())


@dataclass(frozen=True)
class Objective:
    """An architecture, and the figure that its objective is about. beside: what it is held to."""

    architecture: str
    words: str
    figure: Figure
    settings: Mapping[str, Any] = field(default_factory=dict)
    records: Callable[[int], Floats] = pictures
    beside: tuple[str, Mapping[str, Any]] = ("dense", {})


FEW: Mapping[str, Any] = {"hidden": [16, 2]}
"""So that noise cannot be reproduced."""
OBJECTIVES = (
    Objective("sparse", "code values away from zero", active, {"penalty": "kl"}),
    Objective("sparse", "the same, L1", active, {"penalty": "l1"}),
    Objective("contractive", "squared norm of the Jacobian", slope, {"weight": 0.1}, table),
    Objective("denoising", "of what was replaced, brought back", brought_back, {}, table),
    Objective("variational", "codes within 1.96 of zero", normal_codes,
              beside=("variational", {"beta": 0.0})),
    Objective("reconstruction-probability", "spreads of values, off by", misjudged, FEW, uneven,
              beside=("variational", FEW)),
    Objective("memory", "codes that a record is made of", used,
              beside=("memory", {"entropy": 0.0})),
)  # fmt: skip


def measured(
    architecture: str, settings: Mapping[str, Any], objective: Objective, seed: int
) -> tuple[float, float]:
    """The figure, and the share of the records' variance that is left over."""
    records = objective.records(seed)
    asked = TrainingSettings(
        architecture, epochs=EPOCHS, patience=EPOCHS, batch_size=16, seed=seed, device="cpu",
        architecture_settings={"hidden": HIDDEN, **settings},
    )  # fmt: skip
    learned, held_out = records[:800], records[800:]
    with tempfile.TemporaryDirectory() as folder:
        made = recipe.train(learned, Path(folder) / "model", asked, Conduct(card=False))
    x = torch.from_numpy(made.input_spec.prepare(held_out))
    model = made.model.eval()
    with torch.no_grad():
        left = float((model(x) - x).square().mean() / x.var(0).mean())
        return objective.figure(model, x), left


def lines() -> Iterable[str]:
    """The table, as it is measured."""
    yield "| architecture | | plain | with it | error left, plain | with it |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for each in OBJECTIVES:
        cells = []
        for architecture, settings in (each.beside, (each.architecture, each.settings)):
            rows = [measured(architecture, settings, each, seed) for seed in SEEDS]
            cells.append([_spread(column) for column in zip(*rows, strict=True)])
        (plain, plain_left), (own, own_left) = cells
        figures = " | ".join((plain, own, plain_left, own_left))
        yield f"| `{each.architecture}` | {each.words} | {figures} |"


def _spread(values: tuple[float, ...]) -> str:
    return f"{np.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    for line in lines():
        print(line, flush=True)


if __name__ == "__main__":
    main()
