"""One digit of MNIST against the others, and ones with a few threes among them.

    python -m benchmarks.quality.pictures [--arch NAME | --preset NAME] [--digits N ...]
                                          [--seeds N]

Trains and scores as the product's commands do. Needs MNIST in AEAD_DATA (see `tests/data.py`).
Prints two tables, Markdown; ten minutes on a core, with a preset half an hour a seed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks.quality.scoring import errors
from models.presets import PRESETS, Preset
from models.settings import TrainingSettings
from tests.data import DATA

SEEDS = 5
SHARE = 0.01

Pictures = NDArray[np.uint8]


def one_against_rest(
    digit: int, settings: TrainingSettings, preset: Preset | None = None
) -> tuple[float, float]:
    """ROC AUC over all 10,000 test pictures, and seconds for training and scoring."""
    training, labels, test, test_labels = mnist()
    start = time.monotonic()
    found = errors(training[labels == digit], test, settings, preset)
    return float(roc_auc_score(test_labels != digit, found)), time.monotonic() - start


def ones_threes(
    seed: int, settings: TrainingSettings, preset: Preset | None = None
) -> tuple[int, int, float]:
    """Threes among as many highest errors; how many there are; ROC AUC. 1% threes, unlabelled."""
    images, labels, _, _ = mnist()
    rng = np.random.default_rng(seed)
    ones, threes = images[labels == 1], images[labels == 3]
    threes = threes[rng.choice(len(threes), round(SHARE * len(ones)), replace=False)]
    order = rng.permutation(len(ones) + len(threes))
    mixed, odd = np.concatenate([ones, threes])[order], order >= len(ones)
    found = errors(mixed, mixed, replace(settings, seed=seed), preset)
    highest = np.argsort(-found)[: len(threes)]
    return int(odd[highest].sum()), len(threes), float(roc_auc_score(odd, found))


def mnist() -> tuple[Pictures, NDArray[Any], Pictures, NDArray[Any]]:
    """Training pictures and labels, test pictures and labels."""
    if not (DATA / "mnist.npz").exists():
        raise SystemExit(f"mnist.npz is not in {DATA}. Set AEAD_DATA to the folder that holds it.")
    with np.load(DATA / "mnist.npz", allow_pickle=False) as arrays:
        return arrays["x_train"], arrays["y_train"], arrays["x_test"], arrays["y_test"]


def digit_lines(
    digits: Sequence[int], settings: TrainingSettings, preset: Preset | None = None, seeds: int = 1
) -> Iterable[str]:
    """The table of digits, as it is measured: means of so many seeds, and from least to most."""
    yield "| digit | ROC AUC | of seeds | seconds |"
    yield "| --- | --- | --- | --- |"
    found = []
    for digit in digits:
        rows = [
            one_against_rest(digit, replace(settings, seed=seed), preset) for seed in range(seeds)
        ]
        areas, seconds = zip(*rows, strict=True)
        found.append(np.mean(areas))
        yield (
            f"| {digit} | {found[-1]:.4f} | {min(areas):.4f} to {max(areas):.4f} |"
            f" {np.mean(seconds):.0f} |"
        )
    yield f"| **mean**, worst | {np.mean(found):.4f}, {min(found):.4f} | | |"


def three_lines(settings: TrainingSettings, preset: Preset | None = None) -> Iterable[str]:
    """The table of threes among ones, as it is measured."""
    yield "| contamination | threes found, by seed | ROC AUC |"
    yield "| --- | --- | --- |"
    for share in (None, SHARE):
        asked = replace(settings, contamination=share)
        rows = [ones_threes(seed, asked, preset) for seed in range(SEEDS)]
        found = ", ".join(str(row[0]) for row in rows)
        area = np.mean([row[2] for row in rows])
        yield f"| {share or 'not given'} | {found} of {rows[0][1]} | {area:.4f} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--arch", help="of train; the default's, if not given")
    parser.add_argument("--digits", nargs="*", type=int, default=list(range(10)))
    parser.add_argument("--no-threes", action="store_true", help="digits alone")
    parser.add_argument("--preset", choices=PRESETS, help="of train, in place of --arch")
    parser.add_argument("--seeds", type=int, default=1, help="of each digit")
    asked = parser.parse_args()
    preset = Preset(asked.preset) if asked.preset else None
    settings = TrainingSettings(architecture=asked.arch, device="cpu")
    for line in digit_lines(asked.digits, settings, preset, asked.seeds) if asked.digits else ():
        print(line, flush=True)
    print()
    for line in () if asked.no_threes else three_lines(settings, preset):
        print(line, flush=True)


if __name__ == "__main__":
    main()
