import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from models import bundle
from models.architectures import ARCHITECTURES, SOLVED
from models.conduct import Conduct
from models.description import Description
from models.errors import BundleError, CalibrationError, ShapeError, TrainingError
from models.recipe import TrainingSettings, train
from models.reconstruction import errors_of
from models.schema import Schema
from tests.models.builders import OWN_ERRORS, digits, vectors

FAST = TrainingSettings(epochs=2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A bundle of all handwritten digits, trained for a few epochs."""
    out = tmp_path_factory.mktemp("bundles") / "digits"
    described = Description(source="digits.npz")
    return train(load_digits().images, out, TrainingSettings(epochs=8), described=described)


def test_normal_digits_are_told_from_changed_ones(trained):
    images = load_digits().images
    x = torch.from_numpy(trained.input_spec.prepare(images))
    normal = trained.reference.anomalous(errors_of(trained.model, x, "mse"))
    changed = trained.reference.anomalous(errors_of(trained.model, 1 - x, "mse"))
    assert normal.mean() < 0.01
    assert changed.mean() > 0.99


def test_the_calibration_errors_can_be_computed_again_from_the_bundle(trained):
    loaded = bundle.load(trained.path)
    images = load_digits().images
    x = torch.from_numpy(loaded.input_spec.prepare(images))
    p = loaded.reference.p_values(errors_of(loaded.model, x, loaded.error_metric, 37))
    assert loaded.reference.count == 359
    assert p.min() == pytest.approx(1 / 360)
    assert 0.4 < np.median(p) < 0.65


def test_the_bundle_tells_what_it_was_made_of(trained):
    metadata = json.loads((trained.path / "bundle.json").read_text())["metadata"]
    assert metadata["data"]["records"] == 1797
    assert metadata["data"]["record_shape"] == [8, 8]
    assert len(metadata["data"]["sha256"]) == 64
    assert metadata["split"] == {"training": 1258, "validation": 180, "calibration": 359}
    assert metadata["settings"]["epochs"] == 8
    assert metadata["metrics"]["epochs"] == len(metadata["history"]["losses"]) == 8
    assert metadata["versions"]["torch"] == torch.__version__
    assert metadata["created"].endswith("+00:00")


def test_the_model_card_says_data_threshold_and_limits(trained):
    card = (trained.path / "README.md").read_text()
    for fact in (
        trained.version,
        "1,797 records from `digits.npz`",
        f"**{trained.reference.threshold:.6g}**",
        "359 calibration records",
        "The smallest p-value is 0.00278",
        "999 are needed for 0.999",
        "## Limits",
    ):
        assert fact in card
    for plot in ("loss", "errors", "reconstructions"):
        assert f"plots/{plot}.png" in card
        assert (trained.path / "plots" / f"{plot}.png").read_bytes().startswith(b"\x89PNG")


RECORDS = {
    "one feature": vectors(50, 1),
    "two features": vectors(50, 2),
    "constant": np.ones((50, 3)),
    "wide": vectors(50, 300),
    "whole numbers": np.arange(200).reshape(50, 4),
    "grey": digits(50),
    "RGB": np.random.default_rng(0).integers(0, 256, (50, 9, 12, 3), dtype=np.uint8),
    "channels first": np.random.default_rng(0).random((50, 3, 9, 12)),
    "tiny image": np.random.default_rng(0).random((50, 3, 3)),
    "extreme outlier": np.vstack([vectors(49), np.full((1, 4), 1e30)]),
    "masks": np.random.default_rng(0).random((50, 8, 8)) > 0.5,
}


@pytest.mark.parametrize("records", RECORDS.values(), ids=RECORDS)
def test_fifty_records_of_any_kind_are_enough(tmp_path, records):
    made = train(records, tmp_path / "bundle", FAST)
    assert made.reference.count == 20
    assert np.isfinite(made.reference.threshold)
    x = torch.from_numpy(made.input_spec.prepare(records))
    assert np.isfinite(errors_of(made.model, x, made.error_metric)).all()


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name not in SOLVED])
def test_every_architecture_trains_on_images_or_series(tmp_path, name):
    series = name == "temporal"
    own = OWN_ERRORS.get(name)
    settings = TrainingSettings(
        architecture=name, epochs=2, error_metric="mse" if own else "mae",
        augment=() if series else ("flip", "shift", "rotate"),
    )  # fmt: skip
    described = Description(layout="series" if series else "")
    made = train(digits(60), tmp_path / "bundle", settings, described=described)
    assert (made.architecture, made.error_metric) == (name, own or "mae")


@pytest.mark.parametrize(
    "asked", [{"error_metric": "mae"}, {"precision": "bfloat16"}], ids=lambda each: next(iter(each))
)
def test_what_an_error_of_its_own_does_not_have_is_refused(tmp_path, asked):
    settings = replace(FAST, architecture="reconstruction-probability", **asked)
    with pytest.raises(TrainingError, match=f"error of its own.* leave out {next(iter(asked))}"):
        train(digits(60), tmp_path / "bundle", settings)


@pytest.mark.parametrize("name", SOLVED)
def test_every_architecture_that_is_solved_is_solved_for_images(tmp_path, name):
    made = train(digits(60), tmp_path / "bundle", TrainingSettings(architecture=name))
    assert (made.architecture, made.error_metric) == (name, "surprisal")
    assert made.metadata["metrics"]["ended"] == "solved"


def test_the_same_records_and_seed_give_the_same_model(tmp_path):
    first = train(digits(60), tmp_path / "first", FAST)
    again = train(digits(60), tmp_path / "again", FAST)
    weights = [(b.path / "model.safetensors").read_bytes() for b in (first, again)]
    assert weights[0] == weights[1]
    assert np.array_equal(first.reference.errors, again.reference.errors)


def test_calibration_records_are_not_seen_by_training(tmp_path):
    """Changing only them changes the reference, and not one weight."""
    from models.splits import split

    records = vectors(100)
    changed = records.copy()
    changed[split(100, FAST).calibration] += 5
    first = train(records, tmp_path / "first", FAST)
    other = train(changed, tmp_path / "other", FAST)
    weights = [(b.path / "model.safetensors").read_bytes() for b in (first, other)]
    assert weights[0] == weights[1]
    assert other.input_spec == first.input_spec
    assert other.reference.threshold > first.reference.threshold


def test_ctrl_c_calibrates_and_saves_the_best_so_far(tmp_path):
    def interrupt(progress):
        if progress.epoch == 2:
            raise KeyboardInterrupt

    made = train(digits(60), tmp_path / "bundle", TrainingSettings(epochs=50), Conduct(interrupt))
    assert made.metadata["metrics"]["ended"] == "interrupted"
    assert bundle.load(made.path).version == made.version
    assert "(interrupted)" in (made.path / "README.md").read_text()


def test_feature_names_are_kept(tmp_path):
    described = Description(Schema.numbers("abcd"))
    made = train(vectors(60), tmp_path / "bundle", FAST, described=described)
    assert bundle.load(made.path).input_spec.features == ("a", "b", "c", "d")


def test_too_few_records_say_how_many_are_needed(tmp_path):
    with pytest.raises(TrainingError, match="at least 50 records, got 49"):
        train(vectors(49), tmp_path / "bundle")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_is_named(tmp_path, value):
    records = digits(60).copy()
    records[17, 3, 3] = value
    with pytest.raises(TrainingError, match="row 17 "):
        train(records, tmp_path / "bundle")


@pytest.mark.parametrize(
    ("records", "settings", "error", "reason"),
    [
        (digits(60), {"quantile": 0.999}, CalibrationError, "at least 999 calibration records"),
        (vectors(60), {"architecture": "convolutional"}, TrainingError, "use dense"),
        (vectors(60), {"architecture": "transformer"}, TrainingError, "unknown architecture"),
        (vectors(60), {"augment": ("flip",)}, TrainingError, "augment is for images"),
        (
            vectors(60),
            {"architecture_settings": {"hidden": [10**9]}},
            TrainingError,
            "hidden must be a whole number",
        ),
        (np.zeros((60, 2, 2, 2, 2)), {}, ShapeError, "vectors"),
        (np.array([["a"]] * 60), {}, ShapeError, "real numbers"),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, (str, dict)) else "",
)
def test_mistakes_are_found_before_training(tmp_path, records, settings, error, reason):
    def too_late(_):
        pytest.fail("training has begun")

    with pytest.raises(error, match=reason):
        train(records, tmp_path / "bundle", TrainingSettings(**settings), Conduct(too_late))
    assert not (tmp_path / "bundle").exists()


def test_a_target_that_is_no_bundle_is_refused_before_training(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(BundleError, match="holds other files"):
        train(digits(60), tmp_path)
