"""Three experiments that autoencoder tutorials report, by our commands: `make experiments`.

    ones-threes    digits 1 with 1% of 3s mixed in, nobody saying which
    dense-noise    the fully connected network on all digits, against Gaussian-noise images
    cifar          an RGB convolutional autoencoder on one class of CIFAR-10

Needs MNIST and CIFAR-10 in AEAD_DATA (see `tests/data.py`). Prints one JSON object for each
experiment and writes pictures to docs/experiments/.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from tests.data import DATA

PICTURES = Path(__file__).parents[1] / "docs" / "experiments"


def ones_threes(folder: Path) -> dict[str, Any]:
    """6,742 ones and 67 threes, trained on as they are; how many threes stand out?"""
    with np.load(DATA / "mnist.npz", allow_pickle=False) as mnist:
        images, labels = mnist["x_train"], mnist["y_train"]
    ones = images[labels == 1]
    threes = images[labels == 3][: round(0.01 * len(ones))]
    order = np.random.default_rng(0).permutation(len(ones) + len(threes))
    mixed = np.concatenate([ones, threes])[order]
    is_three = (order >= len(ones)).astype(int)
    np.save(folder / "mixed.npy", mixed)
    small = ("--bottleneck", "4", "--epochs", "15")
    return {
        "records": len(mixed),
        "threes": len(threes),
        "default settings": unlabelled(folder, is_three),
        " ".join(small): unlabelled(folder, is_three, *small),
    }


def unlabelled(folder: Path, is_three: NDArray[np.int64], *settings: str) -> dict[str, Any]:
    """Train on mixed.npy, score it, and see where the threes are."""
    command("train", "--data", "mixed.npy", "--out", "model", "--seed", "0", *settings, cwd=folder)
    command(
        "score", "model", "--data", "mixed.npy", "--out", "s.csv", "--montage", "m.png", cwd=folder
    )
    errors, flagged = scores(folder / "s.csv")
    highest = np.argsort(errors)[::-1][: int(is_three.sum())]
    keep(folder / "m.png", "ones-threes-montage.png")
    return {
        "threes among as many highest errors": int(is_three[highest].sum()),
        "roc_auc": round(float(roc_auc_score(is_three, errors)), 4),
        "above the threshold": f"{flagged.sum()}, {is_three[flagged].sum()} of them threes",
        "above the 0.999 quantile of all": tutorial_rule(errors, is_three),
    }


def tutorial_rule(errors: NDArray[np.float64], is_three: NDArray[np.int64]) -> str:
    """The tutorial's own rule: above the 0.999 quantile of the very errors."""
    above = errors >= np.quantile(errors, 0.999)
    return f"{above.sum()}, {is_three[above].sum()} of them threes"


def dense_noise(folder: Path) -> dict[str, Any]:
    """784-512-256-128-64-32-16 and back, on all digits; noise of the same size against it."""
    rng = np.random.default_rng(0)
    noise = np.clip(rng.normal(127.5, 64, (10_000, 28, 28)), 0, 255).astype(np.uint8)
    np.save(folder / "noise.npy", noise)
    digits = f"{DATA / 'mnist.npz'}"
    layers = ("512", "256", "128", "64", "32", "16")
    command(
        "train", "--data", f"{digits}:x_train", "--out", "model", "--arch", "dense",
        "--hidden", *layers, "--epochs", "15", "--batch-size", "256", "--seed", "0", cwd=folder,
    )  # fmt: skip
    command(
        "evaluate", "model", "--normal", f"{digits}:x_test", "--anomalous", "noise.npy",
        "--out", "evaluation", cwd=folder,
    )  # fmt: skip
    command("score", "model", "--data", f"{digits}:x_test", "--out", "d.csv", cwd=folder)
    command("score", "model", "--data", "noise.npy", "--out", "n.csv", cwd=folder)
    digit_errors, noise_errors = scores(folder / "d.csv")[0], scores(folder / "n.csv")[0]
    evaluation = json.loads((folder / "evaluation" / "evaluation.json").read_text())
    keep(folder / "evaluation" / "errors.png", "dense-noise-errors.png")
    return {
        "highest error of 10,000 test digits": round(float(digit_errors.max()), 4),
        "lowest error of 10,000 noise images": round(float(noise_errors.min()), 4),
        "complete separation": bool(noise_errors.min() > digit_errors.max()),
        "roc_auc": evaluation["roc_auc"],
        "precision": evaluation["precision"],
        "recall": evaluation["recall"],
    }


def cifar(folder: Path) -> dict[str, Any]:
    """One class of CIFAR-10 (JPEG copies), with augmentation, early stopping and decay."""
    path = DATA / "cifar10_jpeg_10k.npz"
    command(
        "train", "--data", f"{path}:x_train", "--where", "y_train=7", "--out", "model",
        "--augment", "flip", "shift", "--epochs", "150", "--seed", "0", cwd=folder,
    )  # fmt: skip
    metadata = json.loads((folder / "model" / "bundle.json").read_text())["metadata"]
    keep(folder / "model" / "plots" / "reconstructions.png", "cifar-reconstructions.png")
    keep(folder / "model" / "plots" / "loss.png", "cifar-loss.png")
    return {"images": metadata["data"], "metrics": metadata["metrics"], "split": metadata["split"]}


EXPERIMENTS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "ones-threes": ones_threes,
    "dense-noise": dense_noise,
    "cifar": cifar,
}


def command(*arguments: str, cwd: Path) -> None:
    """Run `aead-monitor` and show what it was asked."""
    print("aead-monitor", *arguments, flush=True)
    subprocess.run([sys.executable, "-m", "monitor", *arguments], cwd=cwd, check=True)


def scores(path: Path) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Errors and flags that `score` wrote."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    errors = np.array([float(row["reconstruction_error"]) for row in rows])
    return errors, np.array([row["anomalous"] == "1" for row in rows])


def keep(picture: Path, name: str) -> None:
    """Copy a picture to the documentation."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    shutil.copy(picture, PICTURES / name)


def main() -> None:
    """Run the experiments that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", help="ones-threes, dense-noise, cifar; default: all")
    for name in parser.parse_args().names or EXPERIMENTS:
        with tempfile.TemporaryDirectory() as folder:
            result = EXPERIMENTS[name](Path(folder))
        print(json.dumps({"experiment": name, **result}, indent=2), flush=True)


if __name__ == "__main__":
    main()
