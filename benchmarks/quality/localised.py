"""Small faults in pictures of textures: are they found, and does the map say where.

    python -m benchmarks.quality.localised [--arch NAME ... | --preset NAME] [--sides N ...]

Normal pictures are cut from three photographs that scikit-image carries (the extra `quality`):
bricks, grass and gravel, 512 x 512 pixels, from their left half to train on, from the right one to
test with. A fault is 0.08 to 0.16 of a side long. Trains and scores as the product's commands do.
Prints a table, Markdown: of each fault ROC AUC against normal pictures, and the share of its
pictures whose map is highest within the fault or four pixels from it. Seeds 0 to 2, their mean.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from sklearn.metrics import roc_auc_score

from models import recipe
from models.bundle import Bundle
from models.conduct import Conduct
from models.engines import engine_for
from models.error_metrics import element_errors
from models.presets import PRESETS, Preset
from models.search import choose
from models.settings import TrainingSettings
from models.solved import Scoring

TEXTURES = ("brick", "grass", "gravel")
ANOTHER = {"brick": "grass", "grass": "gravel", "gravel": "brick"}
SEEDS = (0, 1, 2)
TRAINING, TESTED = 1500, 200
LONG = (0.08, 0.16)
"""Sides of a fault, in sides of the picture."""
NEAR = 4
LEFT = 288
"""Columns of a photograph that are learned from."""

Pictures = NDArray[np.uint8]
Floats = NDArray[np.float64]
Make = Callable[[Floats, Floats, Floats, NDArray[np.bool_], NDArray[np.bool_]], Floats]
"""From a part of a picture, the picture, the same part of another texture, a disc and a line."""

FAULTS: dict[str, Make] = {
    "spot": lambda part, _, __, disc, ___: np.where(disc, 0.4 * part, part),
    "hole": lambda part, whole, _, disc, __: np.where(disc, whole.mean(), part),
    "scratch": lambda part, _, __, ___, line: np.where(line, part + 90, part),
    "blurred": lambda part, _, __, disc, ___: np.where(disc, _blurred(part), part),
    "pasted": lambda part, _, other, disc, __: np.where(disc, other, part),
}


@dataclass(frozen=True, eq=False)
class Data:
    """Pictures (n, side, side). faults: by kind, pictures and where their fault is."""

    training: Pictures
    normal: Pictures
    faults: dict[str, tuple[Pictures, NDArray[np.bool_]]]


def photograph(name: str) -> Pictures:
    """A texture, 512 x 512. SystemExit without scikit-image."""
    found = find_spec("skimage")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("scikit-image is not installed: pip install '.[quality]'")
    with Image.open(Path(found.submodule_search_locations[0]) / "data" / f"{name}.png") as image:
        return np.asarray(image.convert("L"))


def data(name: str, side: int, seed: int, training: int = TRAINING, tested: int = TESTED) -> Data:
    """Pictures of one texture."""
    rng = np.random.default_rng(seed)
    texture, other = photograph(name), photograph(ANOTHER[name])

    def cut(photo: Pictures, count: int, first: int, last: int) -> Pictures:
        rows = rng.integers(0, len(photo) - side + 1, count)
        columns = rng.integers(first, last - side + 1, count)
        return np.stack(
            [photo[i : i + side, j : j + side] for i, j in zip(rows, columns, strict=True)]
        )

    right = (tested, LEFT, texture.shape[1])
    learned, normal = cut(texture, training, 0, LEFT), cut(texture, *right)
    faults = {}
    for kind, make in FAULTS.items():
        whole, others = cut(texture, *right), cut(other, tested, 0, other.shape[1])
        made = [_spoilt(*pair, make, rng) for pair in zip(whole, others, strict=True)]
        faults[kind] = (np.stack([p for p, _ in made]), np.stack([where for _, where in made]))
    return Data(learned, normal, faults)


def figures(found: Bundle, tested: Data) -> Floats:
    """Of each fault ROC AUC and the share whose place is found, (faults, 2)."""
    engine = engine_for(found.model, found.input_spec, found.error_metric)
    usual = engine.errors(tested.normal)
    table = []
    for pictures, where in tested.faults.values():
        odd = engine.errors(pictures)
        labels = np.arange(len(usual) + len(odd)) >= len(usual)
        place = _maps(found, pictures).reshape(len(pictures), -1).argmax(1)
        near = ndimage.binary_dilation(where, np.ones((1, 2 * NEAR + 1, 2 * NEAR + 1)))
        hit = near.reshape(len(pictures), -1)[np.arange(len(pictures)), place]
        table.append([roc_auc_score(labels, np.concatenate([usual, odd])), hit.mean()])
    return np.array(table)


def _spoilt(
    picture: Pictures, other: Pictures, make: Make, rng: np.random.Generator
) -> tuple[Pictures, NDArray[np.bool_]]:
    side = len(picture)
    length = max(4, round(side * rng.uniform(*LONG)))
    top, left = rng.integers(0, side - length + 1, 2)
    place = slice(top, top + length), slice(left, left + length)
    y, x = np.mgrid[:length, :length] - (length - 1) / 2
    angle = rng.uniform(0, np.pi)
    disc = np.hypot(y, x) <= length / 2
    line = np.abs(y * np.cos(angle) - x * np.sin(angle)) < 0.8
    made = picture.astype(np.float64)
    made[place] = make(made[place], made, other[place].astype(np.float64), disc, line)
    where = np.zeros(picture.shape, dtype=np.bool_)
    where[place] = True
    return np.clip(made, 0, 255).round().astype(np.uint8), where


def _blurred(part: Floats) -> Floats:
    return np.asarray(ndimage.gaussian_filter(part, 2))


def _maps(found: Bundle, pictures: Pictures) -> NDArray[np.float32]:
    """The error of each pixel, (n, H, W)."""
    x = torch.from_numpy(found.input_spec.prepare(pictures))
    with torch.inference_mode():
        parts = []
        for block in torch.split(x, 50):
            model: Any = found.model
            if isinstance(model, Scoring):
                each = model.element_errors(block)
            else:
                each = element_errors(block, model(block), found.error_metric)
            parts.append(each.mean(1))
        made: NDArray[np.float32] = torch.cat(parts).numpy()
        return made


def line(name: str, side: int, settings: TrainingSettings, preset: Preset | None) -> str:
    """One row of the table."""
    table, chosen = [], set()
    for seed in SEEDS:
        tested = data(name, side, seed)
        asked = settings
        if preset is not None:
            asked = choose(tested.training, settings, preset).settings
        with tempfile.TemporaryDirectory() as folder:
            made = recipe.train(tested.training, Path(folder) / "model", asked, Conduct(card=False))
            table.append(figures(made, tested))
        chosen.add(made.architecture)
        print(name, side, made.architecture, table[-1].round(2).tolist(), file=sys.stderr)
    cells = " | ".join(f"{area:.2f}, {hit:.0%}" for area, hit in np.mean(table, 0))
    return f"| {', '.join(sorted(chosen))} | {name} | {side} | {cells} |"


def lines(
    names: Iterable[str], sides: Iterable[int], architectures: Iterable[str | None], preset: str
) -> Iterable[str]:
    """The table, as it is measured."""
    yield f"| model | texture | side | {' | '.join(FAULTS)} |"
    yield f"| --- | --- | --- |{' --- |' * len(FAULTS)}"
    for architecture in architectures:
        settings = TrainingSettings(architecture=architecture, device="cpu")
        chosen = None if architecture else Preset(preset)
        for side in sides:
            for name in names:
                yield line(name, side, settings, chosen)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--arch", nargs="+", default=[None], help="of train; default: the preset's")
    parser.add_argument("--preset", choices=PRESETS, default="auto")
    parser.add_argument("--sides", nargs="+", type=int, default=[64])
    parser.add_argument("--textures", nargs="+", choices=TEXTURES, default=TEXTURES)
    asked = parser.parse_args()
    for each in lines(asked.textures, asked.sides, asked.arch, asked.preset):
        print(each, flush=True)


if __name__ == "__main__":
    main()
