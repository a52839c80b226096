"""Real records, normal and changed, for measuring drift: no record is in two parts.

Needs the data sets in AEAD_DATA (see `tests/data.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import corruptions
from tests.data import DATA

SEED = 0
CORRUPTED = 40_000
"""At most this many rows of an ADBench stream, its first, are copied and corrupted."""
WEEK = 336
"""Half-hours in a week."""


@dataclass(frozen=True)
class Records:
    """Records of one case; the last tenth of `training` is for early stopping."""

    training: NDArray[Any]
    calibration: NDArray[Any]
    stream: NDArray[Any]
    changed: Mapping[str, NDArray[Any]]
    ordered: bool
    note: str


def mnist() -> Records:
    """Digits 0 to 8; the 9s are the new class."""
    arrays = _read("mnist.npz", "x_train", "x_test", "y_train", "y_test")
    images = np.concatenate([arrays["x_train"], arrays["x_test"]])
    labels = np.concatenate([arrays["y_train"], arrays["y_test"]])
    rng = np.random.default_rng(SEED)
    normal = rng.permutation(images[labels != 9])
    training, calibration, stream = np.split(normal, [25_000, 40_000])
    changed = corruptions.of_images(stream, rng)
    changed |= corruptions.of_new_class(stream, images[labels == 9], "new digit", rng)
    note = "Random split of the 63,042 images of digits 0 to 8; the 9s are the new class."
    return Records(training, calibration, stream, changed, False, note)


def adbench(name: str) -> Records:
    """The normal rows of a set of ADBench; its anomalies are the new class."""
    arrays = _read("adbench_dev.npz", f"{name}__X", f"{name}__y")
    x, anomalous = arrays[f"{name}__X"], arrays[f"{name}__y"] == 1
    rng = np.random.default_rng(SEED)
    normal = rng.permutation(x[~anomalous])
    share = 3 * len(normal) // 10
    sizes = [min(30_000, share), min(20_000, share)]
    training, calibration, stream = np.split(normal, np.cumsum(sizes))
    held_out = stream[:CORRUPTED]
    changed = corruptions.of_vectors(held_out, training, rng)
    changed |= corruptions.of_new_class(held_out, x[anomalous], "anomalies", rng)
    note = f"Random split of the {len(normal):,} normal rows; anomalies are the new class."
    return Records(training, calibration, stream, changed, False, note)


def tennessee_eastman() -> Records:
    """A simulated plant: a long normal run to train on, short ones to calibrate and stream.

    The two normal runs are too few for three parts, but each faulty test run is normal in its
    first 160 samples. Run 5 repeats run 4 there, number for number, and is left out.
    """
    runs = [run for run in range(1, 22) if run != 5]
    names = [f"d{run:02d}_te" for run in runs]
    arrays = _read("tep_braatz.npz", "d00", "d00_te", *names)
    starts = [arrays[name][:160] for name in names]
    training = np.concatenate([arrays["d00"], arrays["d00_te"]])
    calibration, stream = np.concatenate(starts[::2]), np.concatenate(starts[1::2])
    rng = np.random.default_rng(SEED)
    changed = corruptions.of_vectors(stream, training, rng)
    changed |= {f"fault {fault}": arrays[f"d{fault:02d}_te"][160:] for fault in (1, 4, 11)}
    note = "Both normal runs train; the others' first 160 samples calibrate and stream in turns."
    return Records(training, calibration, stream, changed, True, note)


def electricity(split: str) -> Records:
    """A market with daily, weekly and yearly cycles, and real drift; half-hours, whole weeks."""
    x = _read("electricity.npz", "X")["X"]
    weeks = np.split(x, range(WEEK, len(x), WEEK))
    training, calibration, stream = (np.concatenate(weeks[part]) for part in WEEKS[split])
    changed = corruptions.of_vectors(stream, training, np.random.default_rng(SEED))
    return Records(training, calibration, stream, changed, True, WEEKS_NOTES[split])


WEEKS = {
    "early": (slice(16), slice(16, 36), slice(36, None)),
    "year": (slice(53, 105, 2), slice(54, 105, 2), slice(105, None)),
    "turns": (slice(53, None, 3), slice(54, None, 3), slice(55, None, 3)),
}
"""Weeks, 0 to 134, to train, to calibrate and to stream."""
WEEKS_NOTES = {
    "early": "Weeks 0-15 train, 16-35 calibrate; in the stream three features move from row 5,328.",
    "year": "Of weeks 53-104 every other trains and the rest calibrate; the stream comes after.",
    "turns": "From week 53 on weeks take turns to train, calibrate and be the stream.",
}


def _read(file: str, *names: str) -> dict[str, NDArray[Any]]:
    path = DATA / file
    if not path.exists():
        raise SystemExit(f"{file} is not in {DATA}. Set AEAD_DATA to the folder that holds it.")
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in names}
