"""ADBench's vectors: data sets, the split of its paper, and what the paper found.

Han, Hu, Huang, Jiang and Zhao, ADBench: anomaly detection benchmark (NeurIPS 2022). The training
part keeps its anomalies, as if nobody knew of them.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler

from tests.data import DATA

SEEDS = (1, 2, 3)
FEWEST, MOST = 1_000, 10_000
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Records to train on and to test with, (n, d), and which of each are anomalies, bool (n,)."""

    training: Floats
    training_odd: NDArray[np.bool_]
    test: Floats
    test_odd: NDArray[np.bool_]


def names() -> list[str]:
    """The data sets that are there, the smallest first."""
    with np.load(_file("adbench_dev.npz"), allow_pickle=False) as arrays:
        found = [key.removesuffix("__X") for key in arrays.files if key.endswith("__X")]
        return sorted(found, key=lambda name: int(arrays[f"{name}__X"].size))


def parts(name: str, seed: int) -> Parts:
    """One data set, split as in the paper: 70% to train on, each feature from 0 to 1 there.

    Small sets are drawn with replacement first, so that test records may repeat training records.
    """
    with np.load(_file("adbench_dev.npz"), allow_pickle=False) as arrays:
        records, odd = arrays[f"{name}__X"].astype(np.float64), arrays[f"{name}__y"] == 1
    np.random.seed(seed)
    if len(odd) < FEWEST:
        rows = np.random.choice(len(odd), FEWEST, replace=True)
        records, odd = records[rows], odd[rows]
    if len(odd) > MOST:
        np.random.seed(seed)
        rows = np.random.choice(len(odd), MOST, replace=False)
        records, odd = records[rows], odd[rows]
    training, test, training_odd, test_odd = train_test_split(
        records, odd, test_size=0.3, shuffle=True, stratify=odd
    )
    scaler = MinMaxScaler().fit(training)
    return Parts(scaler.transform(training), training_odd, scaler.transform(test), test_odd)


@cache
def published(metric: str) -> dict[str, dict[str, float]]:
    """The paper's percentages by data set and method. metric: AUCROC or AUCPR."""
    with _file("adbench_results.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == metric]
    return {
        row["dataset"]: {
            method: float(value)
            for method, value in row.items()
            if method not in ("metric", "dataset") and value
        }
        for row in rows
    }


def _file(name: str) -> Path:
    if not (DATA / name).exists():
        raise SystemExit(f"{name} is not in {DATA}. Set AEAD_DATA to the folder that holds it.")
    return DATA / name
