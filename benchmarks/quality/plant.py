"""The faults of Tennessee Eastman, sample by sample: which share of a fault's samples is found.

    python -m benchmarks.quality.plant

Models learn the normal run d00 of 500 samples, as `train` does; a threshold is what 1% of the
normal run d00_te exceed. Of each faulty run dNN_te the first 160 samples are normal, and 800 are
not: the share of these above the threshold is the fault's detection rate. Beside them Isolation
Forest, and T2 and SPE of a PCA and of a dynamic PCA (two lags), as in `benchmarks.tennessee`. A
window of 8 samples counts for its last one. Means of three seeds.

How soon a fault is found by the drift test is another matter: see `benchmarks.tennessee`. Needs
tep_braatz.npz in AEAD_DATA (see `tests/data.py`). Prints a table, Markdown; two minutes on a core.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from benchmarks.tennessee import FAULTS, LAGS, LEVEL, NORMAL, REPEATED, Pca, runs
from models import recipe
from models.conduct import Conduct
from models.description import Description
from models.presets import Preset
from models.search import choose
from models.settings import TrainingSettings
from models.windows import Window, windows_of
from monitor.pipeline.scorer import Scorer

SEEDS = (0, 1, 2)
STEPS = 8
UNSEEN = (3, 9, 15)
"""Faults that hardly move the plant: of these a rate above the false one is not expected."""

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""Of samples (n, 52), in the order of time, (n,): the larger, the stranger."""


def trained(normal: Floats, architecture: str | None, seed: int, steps: int = 1) -> Statistic:
    """Errors of a model that `train` makes; None for its default. steps: of a window.

    The first samples of a run, which end no window, have the error of the first that does.
    """
    window = Window(steps) if steps > 1 else None
    described = Description(window=window, layout="" if window is None else "series")
    settings = TrainingSettings(architecture, device="cpu", seed=seed, ordered=window is not None)
    records = normal if window is None else windows_of(normal, window)[0]
    if architecture is None:
        choice = choose(records, settings, Preset(), described)
        print(f"{choice.chosen}: {choice.why}", file=sys.stderr, flush=True)
        settings = choice.settings
    with tempfile.TemporaryDirectory() as folder:
        conduct = Conduct(card=False)
        bundle = recipe.train(records, Path(folder) / "model", settings, conduct, described)
        scorer = Scorer(bundle, "cpu")

    def statistic(samples: Floats) -> Floats:
        given = samples if window is None else windows_of(samples, window)[0]
        found = scorer.score(given).reconstruction_error
        return np.concatenate([np.full(len(samples) - len(found), found[0]), found])

    return statistic


def methods(normal: Floats, seed: int) -> dict[str, Statistic]:
    """All that is compared, by name, fitted on a normal run."""
    plain, dynamic = Pca.fitted(normal, 0), Pca.fitted(normal, LAGS)
    forest = IsolationForest(random_state=seed).fit(normal)
    return {
        "default": trained(normal, None, seed),
        "linear": trained(normal, "linear", seed),
        "dense": trained(normal, "dense", seed),
        f"default, {STEPS} steps": trained(normal, None, seed, STEPS),
        f"temporal, {STEPS} steps": trained(normal, "temporal", seed, STEPS),
        "forest": lambda samples: -forest.score_samples(samples),
        "PCA T2": plain.t2,
        "PCA SPE": plain.spe,
        "DPCA T2": dynamic.t2,
        "DPCA SPE": dynamic.spe,
    }


def rates(statistic: Statistic, found: Mapping[str, Floats]) -> Floats:
    """Shares of samples above the threshold: before the faults, then of each fault."""
    threshold = np.quantile(statistic(found["d00_te"]), LEVEL)
    above = {fault: statistic(found[f"d{fault:02d}_te"]) > threshold for fault in FAULTS}
    normal = [each[:NORMAL].mean() for fault, each in above.items() if fault != REPEATED]
    return np.array([np.mean(normal), *(each[NORMAL:].mean() for each in above.values())])


def table(found: Mapping[str, Floats]) -> Iterable[str]:
    """A line for each fault, in per cent. found: `rates` by method."""
    yield f"| fault | {' | '.join(found)} |"
    yield f"| --- |{' ---: |' * len(found)}"
    whole = 100 * np.array(list(found.values()))  # (methods, 1 + faults)
    for fault, each in zip(FAULTS, whole[:, 1:].T, strict=True):
        yield f"| {fault} | {' | '.join(f'{rate:.1f}' for rate in each)} |"
    seen = [fault not in UNSEEN for fault in FAULTS]
    without = ", ".join(map(str, UNSEEN))
    yield f"| **mean** | {' | '.join(f'{rate:.1f}' for rate in whole[:, 1:].mean(1))} |"
    means = whole[:, 1:][:, seen].mean(1)
    yield f"| mean without {without} | {' | '.join(f'{rate:.1f}' for rate in means)} |"
    yield f"| before the fault | {' | '.join(f'{rate:.1f}' for rate in whole[:, 0])} |"


def main() -> None:
    """Measure and print."""
    found = runs()
    by_seed = [
        {name: rates(each, found) for name, each in methods(found["d00"], seed).items()}
        for seed in SEEDS
    ]
    mean = {name: np.mean([each[name] for each in by_seed], 0) for name in by_seed[0]}
    print("\n".join(table(mean)))


if __name__ == "__main__":
    main()
