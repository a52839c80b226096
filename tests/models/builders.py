"""Small real and artificial records for the tests of the models."""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits

from models.architectures import ARCHITECTURES
from models.autoencoder import InputSpec
from models.solved import Scoring
from tests.asked import Asked

IMAGE_SHAPES = [
    (1, 8, 8),
    (1, 9, 13),
    (1, 28, 28),
    (3, 32, 32),
    (1, 33, 17),
    (2, 8, 21),
    (4, 16, 9),
]
SERIES_SHAPES = [(1, 8), (3, 16), (2, 37), (5, 512)]
VECTOR_SHAPES = [(1,), (2,), (3,), (17,), (784,)]
DENSE_SHAPES = [(3,), (17,), (2, 37), (3, 32, 32)]
"""Of what is as dense is, but for what it is trained on."""
SHAPES = Asked(
    "tests/models/builders.py: add shapes of records for architecture {} to SHAPES",
    {
        "ladder": VECTOR_SHAPES + SERIES_SHAPES + IMAGE_SHAPES[:3],
        "linear": VECTOR_SHAPES + SERIES_SHAPES + IMAGE_SHAPES[:3],
        "dense": VECTOR_SHAPES + SERIES_SHAPES + IMAGE_SHAPES,
        "edges": IMAGE_SHAPES,
        "patches": IMAGE_SHAPES,
        "convolutional": IMAGE_SHAPES,
        "temporal": SERIES_SHAPES,
        "variational": VECTOR_SHAPES + SERIES_SHAPES + IMAGE_SHAPES,
        "convolutional-variational": IMAGE_SHAPES[:3],
        "reconstruction-probability": DENSE_SHAPES,
        "denoising": DENSE_SHAPES,
        "sparse": DENSE_SHAPES,
        "contractive": DENSE_SHAPES,
        "memory": DENSE_SHAPES,
    },
)


OWN_ERRORS = {
    name: each.load().metric
    for name, each in ARCHITECTURES.items()
    if issubclass(each.load(), Scoring)
}
"""What architectures that say themselves what the error is call it."""


def spec_of(shape):
    """The spec of uint8 images (C, H, W), or of standardised vectors (d,) or series (C, T)."""
    layout = ("vector", "series", "CHW")[len(shape) - 1]
    n = shape[0]
    scale = 255.0 if layout == "CHW" else 1.0
    return InputSpec(shape, layout, "uint8", (0.0,) * n, (scale,) * n)


def digits(count=200):
    """The first 8 x 8 handwritten digits that scikit-learn ships, float64 0 to 16."""
    return load_digits().images[:count]


def vectors(count, d=4, seed=0):
    """Normal records around a curve: d columns that depend on one hidden value."""
    generator = np.random.default_rng(seed)
    angle = generator.uniform(0, math.pi, size=(count, 1))
    noise = generator.normal(scale=0.05, size=(count, d))
    return 10 + np.cos(angle + np.arange(d)) + noise


def pebbles(count, seed=0, side=48):
    """Pictures of pebbles, uint8, no two alike."""
    noise = np.random.default_rng(seed).normal(size=(count, side, side))
    return np.clip(120 + 300 * gaussian_filter(noise, (0, 2, 2)), 0, 255).astype(np.uint8)


def rings(count, seed=0, side=28):
    """Pictures of one ring each, uint8 (n, side, side), of different sizes and places."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    centres = rng.uniform(0.42, 0.58, (count, 2, 1, 1)) * side
    radii = rng.uniform(0.2, 0.3, (count, 1, 1)) * side
    away = np.hypot(y - centres[:, 0], x - centres[:, 1]) - radii
    pictures = 200 * np.exp(-(away**2) / 3) + rng.normal(0, 4, away.shape)
    return np.clip(pictures, 0, 255).astype(np.uint8)


def around_a_line(count, seed=0):
    """Six features that follow two hidden values, and a little noise of their own."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(count, 2))
    to_features = np.random.default_rng(99).normal(size=(2, 6))
    return hidden @ to_features + 0.1 * rng.normal(size=(count, 6))
