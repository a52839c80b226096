"""AnomalyDetector: as scikit-learn's detectors are used, with what the commands find."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from models import AnomalyDetector, bundle
from models.engines import engine_for
from models.errors import DetectorError

QUICK = {"architecture": "dense", "epochs": 20}
EXPECTED = {
    "check_methods_subset_invariance": "float32 sums of one record differ by 1e-6 with the batch",
}


class Tiled(AnomalyDetector):
    """scikit-learn's checks fit on ten to thirty records; fifty are needed."""

    def fit(self, X, y=None):  # noqa: N803  (scikit-learn's name)
        rows = X
        if isinstance(X, np.ndarray | list) or hasattr(X, "__array_function__"):
            rows = np.asarray(X)
        if getattr(rows, "ndim", 0) == 2 and 1 < rows.shape[0] < 50:
            times = -(-50 // rows.shape[0])
            if isinstance(rows, np.ndarray):
                rows = np.tile(rows, (times, 1))
            elif isinstance(rows, pd.DataFrame):
                rows = pd.concat([rows] * times)
        return super().fit(rows, y)


def vectors(count: int, seed: int = 0) -> np.ndarray:
    """Of which the last is the sum of the first two."""
    rows = np.random.default_rng(seed).normal(size=(count, 4))
    rows[:, 3] = rows[:, 0] + rows[:, 1]
    return rows


def frame(count: int, seed: int = 0) -> pd.DataFrame:
    rows = vectors(count, seed)
    made = pd.DataFrame(rows, columns=["heat", "flow", "noise", "load"])
    made["open"] = made.heat > 0
    made["mode"] = np.where(made.flow > 0, "up", "down")
    made.loc[3, "noise"] = np.nan
    return made


@pytest.fixture(scope="module")
def fitted() -> AnomalyDetector:
    return AnomalyDetector(**QUICK).fit(vectors(500))


@pytest.fixture(scope="module")
def of_frame() -> AnomalyDetector:
    return AnomalyDetector(**QUICK).fit(frame(500))


def test_what_it_is_not_like_is_found_and_the_feature_named(fitted: AnomalyDetector) -> None:
    rows = vectors(100, seed=1)
    rows[7, 2] = 30
    assert fitted.predict(rows)[7] == -1
    assert (fitted.predict(rows) == -1).mean() < 0.1
    shares = fitted.explain(rows)
    assert shares.shape == rows.shape
    assert shares[7].argmax() == 2
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert fitted.p_values(rows).argmin() == 7
    assert np.array_equal(fitted.predict(rows) == -1, fitted.decision_function(rows) < 0)


def test_a_saved_one_is_a_bundle_that_scores_alike(fitted: AnomalyDetector, tmp_path: Path) -> None:
    rows = vectors(64, seed=2)
    made = fitted.save(tmp_path / "model")
    assert (tmp_path / "model" / "README.md").is_file()
    assert (tmp_path / "model" / "plots" / "errors.png").is_file()
    engine = engine_for(made.model, made.input_spec, made.error_metric)
    np.testing.assert_allclose(-engine.errors(rows), fitted.score_samples(rows), rtol=1e-5)
    loaded = AnomalyDetector.load(tmp_path / "model")
    assert loaded.bundle_.version == fitted.bundle_.version == made.version
    assert np.array_equal(loaded.decision_function(rows), fitted.decision_function(rows))
    assert (loaded.epochs, loaded.random_state, loaded.n_features_in_) == (20, 0, 4)
    assert bundle.version_of(loaded.save(tmp_path / "again").path) == made.version


def test_it_is_pickled_as_a_bundle(fitted: AnomalyDetector) -> None:
    data = pickle.dumps(fitted)
    assert b"torch" not in data.replace(b'"torch"', b"")  # but for its version, in the manifest
    again = pickle.loads(data)
    rows = vectors(64, seed=2)
    assert np.array_equal(again.decision_function(rows), fitted.decision_function(rows))


def test_a_frame_is_taken_by_name_in_any_order(of_frame: AnomalyDetector) -> None:
    records = frame(64, seed=3)
    expected = of_frame.decision_function(records)
    assert list(of_frame.feature_names_in_) == ["heat", "flow", "noise", "load", "open", "mode"]
    assert np.array_equal(of_frame.decision_function(records[records.columns[::-1]]), expected)
    arrow = pa.Table.from_pandas(records.astype({"mode": "category"}))
    assert np.array_equal(of_frame.decision_function(arrow), expected)
    assert of_frame.explain(records).shape == (64, 6)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.drop(columns=["flow", "load"]), "without flow, load"),
        (lambda f: f.assign(extra=1), "with extra, which the detector was not fitted on"),
        (lambda f: f.assign(heat="warm"), "column heat is .*string, and was a number"),
        (lambda f: f.assign(mode=1), "column mode is int64, and was a category"),
        (lambda f: f.assign(heat=np.inf), "heat holds an infinite value"),
        (lambda f: f.assign(heat=np.nan), "heat is missing in row 0, and never was"),
        (lambda f: f.to_numpy(), "fitted on a frame, and takes columns by name"),
        (lambda f: pd.concat([f, f.heat], axis=1), "heat"),
    ],
)
def test_a_frame_of_another_structure_is_refused(change, said, of_frame: AnomalyDetector) -> None:
    with pytest.raises(ValueError, match=said):
        of_frame.predict(change(frame(10)))


def test_a_frame_for_a_detector_of_arrays_is_refused(fitted: AnomalyDetector) -> None:
    with pytest.raises(DetectorError, match="fitted on an array"):
        fitted.predict(pd.DataFrame(vectors(5)))


def test_a_value_that_was_not_seen_is_no_error(of_frame: AnomalyDetector) -> None:
    assert len(of_frame.predict(frame(10).assign(mode="sideways"))) == 10


def test_all_columns_that_are_no_features_are_named_at_once() -> None:
    odd = frame(60).assign(when=pd.Timestamp("2026-01-01"), parts=[[1]] * 60)
    with pytest.raises(DetectorError, match=r"when \(timestamp.*parts \(list"):
        AnomalyDetector(**QUICK).fit(odd)


@pytest.mark.parametrize(
    ("settings", "rows", "said"),
    [
        ({"quantile": 2.0}, vectors(60), "quantile must be a number"),
        ({"architecture": "none"}, vectors(60), "none"),
        ({}, vectors(20), "minimum of 50 is required"),
        ({}, frame(20), "at least 50 records, got 20"),
        ({}, np.full((60, 3), np.nan), "NaN"),
    ],
)
def test_what_cannot_be_learned_from_is_told(settings, rows, said) -> None:
    with pytest.raises(ValueError, match=said):
        AnomalyDetector(**settings).fit(rows)


def test_nothing_is_asked_of_one_that_is_not_fitted() -> None:
    with pytest.raises(NotFittedError):
        AnomalyDetector().predict(vectors(3))


def test_images_are_explained_by_pixel() -> None:
    images = np.random.default_rng(0).integers(0, 50, size=(80, 12, 10, 3), dtype=np.uint8)
    found = AnomalyDetector(architecture="dense", epochs=3).fit(images)
    odd = images[:4].copy()
    odd[2, 3:6, 4:7, 1] = 255
    shares = found.explain(odd)
    assert shares.shape == odd.shape
    assert np.unravel_index(shares[2].argmax(), (12, 10, 3))[2] == 1


def test_it_works_in_a_pipeline_and_is_cloned(fitted: AnomalyDetector) -> None:
    line = make_pipeline(StandardScaler(), clone(fitted).set_params(epochs=2))
    assert set(line.fit(vectors(100)).predict(vectors(100))) <= {-1, 1}


def test_scikit_learns_own_checks() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(
            Tiled(architecture="dense", epochs=1, threads=1),
            on_fail=None, on_skip=None, expected_failed_checks=EXPECTED,
        )  # fmt: skip
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert not failed
    assert sum(r["status"] == "passed" for r in results) >= 40


def test_a_preset_chooses_the_architecture() -> None:
    rows = vectors(400)
    chosen = AnomalyDetector(preset="auto").fit(rows)
    told = chosen.bundle_.metadata["preset"]
    assert chosen.bundle_.architecture == told["chosen"] == "ladder"
    assert [each["name"] for each in told["candidates"]] == ["ladder", "linear", "dense"]
    again = AnomalyDetector(preset="auto").fit(rows)
    assert again.bundle_.version == chosen.bundle_.version
    assert "preset" not in AnomalyDetector(**QUICK).fit(rows).bundle_.metadata


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"preset": "auto", "architecture": "dense"}, "name one, or the other"),
        ({"preset": "slow"}, "preset must be fast, auto, best"),
        ({"preset": "best", "cost": 0.1}, "cost must be at least 1"),
    ],
)
def test_a_preset_that_does_not_fit_is_a_value_error(settings, said) -> None:
    with pytest.raises(DetectorError, match=said):
        AnomalyDetector(**settings).fit(vectors(60))
