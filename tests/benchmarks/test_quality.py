"""The measurements in their short form, without the photographs, the network and the data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from benchmarks import real_errors
from benchmarks.quality import embeddings, localised, objectives, plant, vectors, weaknesses
from benchmarks.quality.adbench import Parts
from models import architectures, recipe
from models.conduct import Conduct
from models.input_spec import InputSpec
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


def test_of_fewer_records_each_keeps_its_label() -> None:
    records = np.arange(2000.0).reshape(1000, 2)
    split = Parts(records, records[:, 0] % 4 == 0, records, records[:, 0] % 4 == 0)
    fewer = vectors._fewer(split, 64, seed=1)
    assert len(fewer.training) == len(np.unique(fewer.training[:, 0])) == 200
    assert np.array_equal(fewer.training_odd, fewer.training[:, 0] % 4 == 0)
    assert fewer.test is records
    assert len(vectors._fewer(split, 1, seed=1).training) == vectors.LEAST
    assert vectors._fewer(split, np.inf, seed=1) is split


def test_a_rate_is_of_the_samples_behind_the_beginning_of_the_fault() -> None:
    normal = np.linspace(0, 1, 960)[:, None]
    found = {"d00_te": normal, **{f"d{fault:02d}_te": normal.copy() for fault in plant.FAULTS}}
    found["d07_te"][plant.NORMAL + 80 :] = 5
    found["d08_te"][: plant.NORMAL] = 5
    before, *rates = plant.rates(lambda samples: samples[:, 0], found)
    assert before == pytest.approx(1 / 20)
    assert rates[7 - 1] == pytest.approx(0.9)
    assert rates[0] == pytest.approx(10 / 800, abs=2e-3)


@pytest.mark.parametrize("steps", [1, 4])
def test_each_sample_of_a_run_has_an_error_windows_or_not(steps: int) -> None:
    rng = np.random.default_rng(0)
    statistic = plant.trained(rng.normal(size=(200, 3)), "linear", 0, steps)
    run = rng.normal(size=(50, 3))
    run[30] = 50
    found = statistic(run)
    assert found.shape == (50,)
    assert set(np.argsort(found)[-steps:]) == set(range(30, 30 + steps))


def test_a_contaminated_part_holds_the_share_that_is_asked_for() -> None:
    normal, odd = np.zeros((1000, 2)), np.ones((40, 2))
    for share in (0.0, 0.01, 0.1, 0.3):
        rng = np.random.default_rng(0)
        training, rest, others = weaknesses.contaminated(normal, odd, share, rng)
        assert training[:, 0].mean() == pytest.approx(share, abs=0.005)
        assert (rest == 0).all()
        assert (others == 1).all()
        assert len(others) == 20


def test_records_follow_the_law_but_for_odd_ones() -> None:
    law, rng = weaknesses.Law.of(30, 0), np.random.default_rng(0)
    shared = np.linalg.pinv(law.loads) @ law.loads
    left = [np.square(x - x @ shared).mean() for x in (law.records(500, rng), law.odd(500, rng))]
    assert law.records(5000, rng).std(0) == pytest.approx(1, abs=0.05)
    assert left[1] > 1.1 * left[0]


@pytest.mark.parametrize("architecture", ["ladder", "dense"])
def test_errors_of_drift_are_those_of_the_architecture(architecture: str) -> None:
    records = weaknesses.Law.of(6, 0).records(300, np.random.default_rng(0))
    settings = TrainingSettings(architecture, epochs=2 if architecture == "dense" else None)
    model, spec = real_errors.fitted(records, settings)
    assert model.architecture == architecture
    assert spec.shape == (6,)


class Straight(torch.nn.Module):
    """Its code is the record, halved; it brings nothing back."""

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """(B, d)"""
        return x / 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, d)"""
        return x


def test_figures_of_a_network_that_copies_are_what_they_are_defined_to_be() -> None:
    x = torch.linspace(-1, 1, 2000)[torch.randperm(2000)].reshape(-1, 5)
    model = Straight()
    assert objectives.active(model, x) == pytest.approx(0.6, abs=0.01)
    assert objectives.slope(model, x) == pytest.approx(5 / 4)
    assert objectives.brought_back(model, x) == pytest.approx(0)
    assert objectives.normal_codes(model, 10 * x) == pytest.approx(0.392, abs=0.01)
    assert np.isnan(objectives.used(model, x))


def test_a_record_is_made_of_as_many_codes_as_its_weights_say() -> None:
    spec = InputSpec.fit(np.random.default_rng(0).normal(size=(50, 5)))
    model = architectures.build("memory", spec, {"remembered": 10})
    model.weights = lambda x: torch.tensor([[0.25] * 4 + [0.0] * 6, [1.0] + [0.0] * 9])  # type: ignore
    assert objectives.used(model, torch.zeros(2, 5)) == pytest.approx(2.5)


@pytest.mark.parametrize("objective", objectives.OBJECTIVES, ids=lambda each: each.words)
def test_each_objective_is_measured(
    objective: objectives.Objective, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objectives, "EPOCHS", 1)
    for architecture, settings in (objective.beside, (objective.architecture, objective.settings)):
        figure, left = objectives.measured(architecture, settings, objective, 0)
        assert np.isfinite([figure, left]).all()
