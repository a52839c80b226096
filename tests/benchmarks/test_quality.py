"""The measurements of pictures, in their short form, without the photographs and the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from benchmarks.quality import embeddings, localised
from models import recipe
from models.conduct import Conduct
from models.settings import TrainingSettings


@pytest.fixture
def textures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Smooth noise in place of photographs."""
    drawn = {
        name: np.clip(
            120
            + 60 * i
            + 300 * gaussian_filter(np.random.default_rng(i).normal(size=(512, 512)), 2),
            0,
            255,
        ).astype(np.uint8)
        for i, name in enumerate(localised.TEXTURES)
    }
    monkeypatch.setattr(localised, "photograph", drawn.__getitem__)


@pytest.mark.usefixtures("textures")
@pytest.mark.parametrize("side", [32, 64])
def test_a_fault_is_where_it_is_said_to_be_and_nowhere_else(side: int) -> None:
    made = localised.data("brick", side, seed=0, training=5, tested=20)
    assert made.training.shape == (5, side, side)
    assert list(made.faults) == list(localised.FAULTS)
    for pictures, where in made.faults.values():
        assert pictures.shape == where.shape == (20, side, side)
        lengths = np.sqrt(where.sum((1, 2)))
        assert lengths.min() >= 4
        assert lengths.max() <= np.ceil(localised.LONG[1] * side)


@pytest.mark.usefixtures("textures")
def test_small_faults_are_found_by_parts(tmp_path: Path) -> None:
    tested = localised.data("brick", 32, seed=0, training=300, tested=60)
    settings = TrainingSettings(architecture="patches", device="cpu")
    found = recipe.train(tested.training, tmp_path / "model", settings, Conduct(card=False))
    table = dict(zip(localised.FAULTS, localised.figures(found, tested), strict=True))
    assert min(table["scratch"]) > 0.9
    assert np.mean(list(table.values()), 0)[0] > 0.8


def test_photographs_that_are_not_there_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(localised, "find_spec", lambda _: None)
    with pytest.raises(SystemExit, match="pip install"):
        localised.photograph("brick")


class Halves(torch.nn.Module):
    """In place of the network: its features are the two halves of a picture."""

    def extract_features(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 6, 1, 1)"""
        return torch.cat([half.mean((2, 3), keepdim=True) for half in x.chunk(2, dim=3)], 1)


def test_embeddings_are_of_each_picture_in_its_place() -> None:
    pictures = np.zeros((100, 8, 8, 3), np.uint8)
    pictures[7, :, :4, 1] = 255
    found = embeddings.embedded(pictures, Halves(), size=16)
    assert (found.shape, found.dtype) == ((100, 6), np.float16)
    assert found[:, 1].argmax() == 7
    assert np.ptp(found[:, 0]) == 0


def test_a_network_that_is_not_there_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "find_spec", lambda _: None)
    with pytest.raises(SystemExit, match="pip install"):
        embeddings.network()
