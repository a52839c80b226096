"""Weights hold no denormal numbers, which some processors compute with many times slower."""

import numpy as np
import pytest
import torch

from models import bundle
from models.architectures import SOLVED
from models.bundle_files import MODEL
from models.denormals import without_denormals
from models.recipe import train
from models.settings import TrainingSettings
from tests.models.builders import rings, vectors
from tests.models.bundles import edit_tensors, write
from tests.models.scoring import errors_of

SMALLEST = torch.finfo(torch.float32).tiny
DENORMAL = 1e-40


def denormal(tensor):
    return (tensor != 0) & (tensor.abs() < SMALLEST)


def test_only_denormal_numbers_become_zero():
    values = torch.tensor([0.0, DENORMAL, -DENORMAL, SMALLEST, -SMALLEST, 1.0, -3e38])
    assert denormal(values).tolist() == [False, True, True, False, False, False, False]
    expected = torch.tensor([0.0, 0.0, 0.0, SMALLEST, -SMALLEST, 1.0, -3e38])
    assert torch.equal(without_denormals(values), expected)
    counts = torch.tensor([0, 3])
    assert without_denormals(counts) is counts


@pytest.mark.parametrize("name", SOLVED)
def test_what_is_solved_has_none(name, tmp_path):
    """A blur's bell is 1e-40 some pixels away."""
    records = rings(100) if name in ("edges", "patches") else vectors(200)
    made = train(records, tmp_path / "model", TrainingSettings(architecture=name, device="cpu"))
    weights = made.model.state_dict().values()
    assert not any(denormal(tensor).any() for tensor in weights)


def test_those_of_a_bundle_of_before_are_left_out(tmp_path):
    write(tmp_path / "model")
    records = np.random.default_rng(0).integers(0, 256, (20, 1, 8, 8), dtype=np.uint8)
    expected = errors_of(bundle.load(tmp_path / "model"), records)

    def spoil(tensors):
        weight = next(tensor for tensor in tensors.values() if tensor.ndim == 2)
        few = weight.abs() < 5e-3
        assert few.any()
        weight[few] = DENORMAL

    edit_tensors(tmp_path / "model", MODEL, spoil)
    loaded = bundle.load(tmp_path / "model")
    assert not any(denormal(tensor).any() for tensor in loaded.model.state_dict().values())
    np.testing.assert_allclose(errors_of(loaded, records), expected, rtol=1e-2)
