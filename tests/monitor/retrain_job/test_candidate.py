"""What a candidate is made of: which records it learns from, is calibrated on, and never sees."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.settings import TrainingSettings
from monitor.errors import DataError
from monitor.pipeline.scorer import Scorer
from monitor.retrain_job.candidate import hold_out, material, strangest, train
from monitor.retrain_job.evaluation import discrimination, errors_of
from monitor.retrain_job.reading import Stretch
from tests.data import digit_images

SETTINGS = TrainingSettings(ordered=True, epochs=20, architecture="dense", device="cpu")


def stretch(count: int) -> Stretch:
    return Stretch(np.arange(2.0 * count).reshape(count, 2), np.arange(count))


def test_the_newest_records_are_held_out() -> None:
    learned, held_out = hold_out(stretch(1000), 0.3)
    assert list(learned.timestamps) == list(range(700))
    assert list(held_out.timestamps) == list(range(700, 1000))


@pytest.mark.parametrize(("share", "needed"), [(0.3, 72), (0.05, 70), (0.5, 100)])
def test_too_few_records_are_refused_with_the_number_that_it_takes(
    share: float, needed: int
) -> None:
    hold_out(stretch(needed), share)
    with pytest.raises(DataError, match=f"it takes {needed}"):
        hold_out(stretch(needed - 2), share)


def test_old_records_are_trained_on_and_nothing_else() -> None:
    drifted, before = np.ones((500, 4)), np.zeros((300, 4))
    ready = material(drifted, before, 0.25, SETTINGS)
    parts = ready.parts
    assert len(parts.training) * 0.25 == pytest.approx(ready.old, abs=1)
    assert not ready.records[parts.training[: ready.old]].any()
    assert ready.records[parts.training[ready.old :]].all()
    assert ready.records[parts.validation].all()
    assert ready.records[parts.calibration].all()
    assert parts.calibration[-1] == len(ready.records) - 1


def test_without_a_share_or_records_nothing_is_mixed_in() -> None:
    drifted = np.ones((500, 4))
    assert material(drifted, np.zeros((300, 4)), 0.0, SETTINGS).old == 0
    assert material(drifted, None, 0.5, SETTINGS).records is drifted


def gratings(count: int, seed: int) -> NDArray[np.uint8]:
    """Stripes of any direction, width and place: nothing that is a digit."""
    rng = np.random.default_rng(seed)
    angle, phase = rng.uniform(0, np.pi, (2, count, 1, 1))
    width = rng.uniform(0.5, 1.2, (count, 1, 1))
    y, x = np.mgrid[:8, :8]
    wave = np.sin(width * (np.cos(angle) * x + np.sin(angle) * y) + 2 * phase)
    return np.asarray(120 + 110 * wave, dtype=np.uint8)


@pytest.fixture(scope="module")
def poisoned() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """1,400 digits, one in a hundred of which is a grating, and where those are."""
    images = digit_images(1400).copy()
    places = np.random.default_rng(3).choice(980, 14, replace=False)
    images[places] = gratings(14, seed=4)
    return images, np.sort(places)


def test_foreign_records_are_among_the_strangest(
    poisoned: tuple[NDArray[np.uint8], NDArray[np.int64]],
) -> None:
    images, places = poisoned
    found = strangest(material(images, None, 0.0, SETTINGS), SETTINGS, trim=0.0125)
    assert len(found) == 14
    assert np.isin(places, found).sum() >= 10


def test_a_candidate_without_the_strangest_tells_foreign_records_no_worse(
    poisoned: tuple[NDArray[np.uint8], NDArray[np.int64]], tmp_path: Path
) -> None:
    images, _ = poisoned
    ready = material(images, None, 0.0, SETTINGS)
    aucs = {}
    for trim in (0.0, 0.0125):
        made = train(ready, SETTINGS, trim, tmp_path / f"{trim}", "test")
        scorer = Scorer(made.bundle, "cpu")
        normal = errors_of(scorer, digit_images()[1400:])
        aucs[trim] = discrimination(normal, errors_of(scorer, gratings(300, seed=5))).auc.value
        assert len(made.trimmed) == (14 if trim else 0)
        assert made.bundle.reference.count == 280
    print(aucs)
    assert aucs[0.0125] >= aucs[0.0]
