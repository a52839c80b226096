"""How far a reconstruction is from its record."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models import recipe
from models.bundle import load
from models.error_metrics import (
    ERROR_METRICS,
    OF_PICTURES,
    element_errors,
    record_errors,
    similarity,
)
from models.errors import TrainingError
from models.settings import TrainingSettings
from monitor.cli import main
from monitor.commands import import_weights, train
from tests.models.builders import digits, vectors

SETTINGS = TrainingSettings(epochs=2, device="cpu", architecture="convolutional")


def written_down(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """SSIM of one channel, window by window, as equation 13 has it."""
    found = np.empty_like(x)
    for i, j in np.ndindex(x.shape):
        window = np.s_[max(0, i - 3) : i + 4, max(0, j - 3) : j + 4]
        a, b = x[window], y[window]
        common = ((a - a.mean()) * (b - b.mean())).mean()
        found[i, j] = (2 * a.mean() * b.mean() + 1e-4) * (2 * common + 9e-4)
        found[i, j] /= (a.mean() ** 2 + b.mean() ** 2 + 1e-4) * (a.var() + b.var() + 9e-4)
    return found


@pytest.mark.parametrize("metric", ERROR_METRICS)
def test_record_errors_are_the_mean_of_element_errors(metric: str) -> None:
    x, copy = torch.rand(2, 5, 3, 8, 8).unbind(0)
    elements = element_errors(x, copy, metric)
    assert elements.shape == x.shape
    assert (elements >= 0).all()
    errors = record_errors(x, copy, metric)
    assert errors.dtype == np.float64
    assert np.allclose(errors, elements.numpy().reshape(5, -1).mean(1))
    assert np.allclose(record_errors(x, x, metric), 0, atol=1e-6)


def test_similarity_is_the_papers() -> None:
    x, y = np.random.default_rng(0).random((2, 2, 12, 9))
    y[1] = 0.5 * x[1] + 0.2
    made = similarity(torch.from_numpy(x)[None], torch.from_numpy(y)[None])[0].numpy()
    for channel in range(2):
        np.testing.assert_allclose(made[channel], written_down(x[channel], y[channel]), atol=1e-9)


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (28, 28), (3, 40)])
def test_pictures_of_any_size_have_one(shape: tuple[int, int]) -> None:
    x = torch.rand(2, 3, *shape)
    assert torch.allclose(similarity(x, x), torch.ones_like(x), atol=1e-5)
    assert torch.isfinite(similarity(x, 1e9 * x)).all()


def test_a_loss_of_sharpness_weighs_more_than_one_of_brightness() -> None:
    """Both are as far off by the squared error."""
    x = torch.rand(1, 1, 28, 28, generator=torch.manual_seed(0))
    blurred = torch.nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    brighter = x + (blurred - x).square().mean().sqrt()
    squared = [record_errors(x, each, "mse")[0] for each in (blurred, brighter)]
    assert squared[0] == pytest.approx(squared[1], rel=1e-3)
    unlike = [record_errors(x, each, "ssim")[0] for each in (blurred, brighter)]
    assert unlike[0] > 2 * unlike[1]


def test_hubers_error_is_a_straight_line_beyond_its_bend() -> None:
    x, made = torch.zeros(1, 4), torch.tensor([[0.5, 1.0, 3.0, -100.0]])
    assert element_errors(x, made, "huber")[0].tolist() == [0.125, 0.5, 2.5, 99.5]


@pytest.mark.parametrize("metric", OF_PICTURES)
def test_what_compares_places_is_for_pictures(metric: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"these records are none\. Use mse, mae or huber"):
        recipe.train(
            vectors(60),
            tmp_path / "b",
            replace(SETTINGS, architecture="dense", error_metric=metric),
        )
    with pytest.raises(ValueError, match="ssim is for pictures"):
        record_errors(torch.zeros(1, 3), torch.zeros(1, 3), metric)


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(ValueError, match="mse, mae"):
        record_errors(torch.zeros(1, 1), torch.zeros(1, 1), "cosine")


@pytest.mark.parametrize("metric", ["huber", "ssim", "mse+ssim"])
def test_a_model_is_trained_kept_and_scored_by_it(metric: str, tmp_path: Path) -> None:
    records = digits(120)
    made = recipe.train(records, tmp_path / "b", replace(SETTINGS, error_metric=metric))
    first, last = made.metadata["history"]["losses"]
    assert last < first
    loaded = load(tmp_path / "b")
    assert loaded.error_metric == metric
    np.save(tmp_path / "rows.npy", records[:20])
    arguments = [str(tmp_path / "b"), "--data", str(tmp_path / "rows.npy")]
    assert main(["score", *arguments, "--out", str(tmp_path / "scores.csv")]) == 0
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 21


def test_the_options_are_all_of_them() -> None:
    choices = ", ".join(f'"{each}"' for each in ERROR_METRICS)
    for command in (train, import_weights):
        assert f"choices=[{choices}]" in Path(command.__file__).read_text(encoding="utf-8")
