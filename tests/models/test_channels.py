"""Channels: what a bundle has of them, and that they are the same wherever they are computed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models import bundle
from models.architectures import build
from models.bundle_files import CHANNELS
from models.channels import MOST_ROWS, Channels, kept_rows
from models.device_engine import DeviceEngine
from models.engine import CpuEngine
from models.engines import engine_for
from models.errors import BundleError
from models.input_spec import InputSpec
from models.recipe import train
from models.schema import Feature, Schema
from models.settings import TrainingSettings
from models.views import Views
from monitor.pipeline.scorer import Scorer
from monitor.registry.bundle_folders import copy_bundle
from tests.models.bundles import edit_tensors, write


def table(n=400, seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, 2)) @ rng.standard_normal((2, 5)) + rng.normal(size=(n, 5))
    rows[:, 4] = 7
    return rows.astype(np.float32)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    settings = TrainingSettings("dense", epochs=2)
    return train(table(), tmp_path_factory.mktemp("channels") / "model", settings)


def groups(channels):
    return {group: channels.described()["groups"].count(group) for group in
            dict.fromkeys(channels.described()["groups"])}  # fmt: skip


def test_a_table_has_inputs_residuals_and_the_code_by_name(trained):
    found = groups(trained.channels)
    assert (found["input"], found["residual"], found["distance"]) == (5, 5, 1)
    assert trained.channels.described()["names"][:2] == ["feature 0", "feature 1"]


def test_a_loaded_bundle_has_the_same_channels(trained):
    again = bundle.load(trained.path).channels
    assert again.described() == trained.channels.described()
    assert (again.values == trained.channels.values).all()
    assert (trained.path / CHANNELS).stat().st_size < 100_000


def test_channels_come_with_the_errors_and_change_no_bit_of_them(trained):
    rows = table(100, seed=1)
    plain = Scorer(trained, "cpu", 32).score(rows)
    scores = Scorer(trained, "cpu", 32, trained.channels).score(rows)
    assert plain.channels is None
    assert (scores.reconstruction_error == plain.reconstruction_error).all()
    assert np.allclose(scores.channels[:, :5], trained.input_spec.prepare(rows))
    wanted = scores.anomalous | (np.arange(100) < 3)
    assert (scores.where(wanted).channels == scores.channels[wanted]).all()


def test_the_engine_of_other_devices_computes_the_same(trained):
    rows, views = table(100, seed=1), trained.channels.views
    wanted = engine_for(trained.model, trained.input_spec, "mse", micro_batch=64, views=views)
    other = DeviceEngine(trained.model, trained.input_spec, "mse", micro_batch=64, views=views)
    for one, two in zip(wanted.with_views(rows), other.with_views(rows), strict=True):
        assert np.allclose(one, two, atol=1e-5)


def test_values_far_outside_are_finite(trained):
    rows = table(20)
    rows[3] = 3e38
    scores = Scorer(trained, "cpu", 32, trained.channels).score(rows)
    assert np.isfinite(scores.channels).all()


@pytest.mark.parametrize("name", ["convolutional", "dense", "variational"])
def test_pictures_have_brightness_contrast_sharpness_and_cells(name):
    pictures = np.random.default_rng(0).integers(0, 256, (60, 12, 12)).astype(np.uint8)
    spec = InputSpec.fit(pictures)
    channels = Channels.calibrate(
        build(name, spec, {}), spec, "mse", pictures[:30], pictures[30:], ordered=False
    )
    found = groups(channels)
    assert (found["picture"], found["cell"]) == (3, 32)
    assert "brightness at row 4, column 4" in channels.described()["names"]
    views = channels.values[channels.described()["names"].index("brightness")]
    assert np.allclose(views, spec.prepare(pictures[30:]).mean(axis=(1, 2, 3)), atol=1e-5)


def test_long_vectors_have_directions_and_series_their_mean_spread_and_residual():
    rows = np.random.default_rng(0).standard_normal((80, 300)).astype(np.float32)
    spec = InputSpec.fit(rows)
    long = Channels.calibrate(build("dense", spec, {}), spec, "mse", rows, rows, ordered=False)
    assert groups(long)["direction"] == 64
    series = rows.reshape(100, 16, 15)
    spec = InputSpec.fit(series, layout="series")
    short = Channels.calibrate(
        build("temporal", spec, {}), spec, "mse", series, series, ordered=True
    )
    assert groups(short)["series"] == 45


def test_a_share_of_missing_and_of_unseen_values_is_a_channel():
    schema = Schema((Feature("a", missing=True), Feature("b", "category", ("x", "y"))))
    rows = np.stack([np.arange(60.0), np.arange(60) % 2], axis=1)
    spec = InputSpec.fit(rows, schema)
    channels = Channels.calibrate(build("dense", spec, {}), spec, "mse", rows, rows, ordered=False)
    names = channels.described()["names"]
    assert {"a", "a is missing", "b=x", "b=(other)"} <= set(names)


def test_an_architecture_without_a_list_of_numbers_for_a_code_has_the_other_channels():
    spec = InputSpec.fit(table())
    model = build("dense", spec, {})
    model.encode = lambda x: (x, x)
    views = Views.fitted(model, spec, table())
    assert {view.group for view in views.all} == {"input", "residual"}


def test_kept_rows_are_bounded_and_consecutive_where_the_order_matters():
    assert kept_rows(100, 10, ordered=True).tolist() == list(range(100))
    spread = kept_rows(10**6, 10, ordered=False)
    assert (spread.size, spread[0], spread[-1]) == (MOST_ROWS, 0, 10**6 - 1)
    stretches = kept_rows(10**6, 10, ordered=True)
    assert stretches.size == MOST_ROWS
    assert (np.diff(stretches) != 1).sum() == 3
    assert kept_rows(10**6, 10**4, ordered=False).size < 500


def test_patterns_choose_by_name_or_group(trained):
    assert groups(trained.channels.matching(["residual", "feature 0"])) == {
        "input": 1, "residual": 5,
    }  # fmt: skip
    assert trained.channels.matching(["nothing"]).kept.size == 0


def test_a_bundle_of_before_has_no_channels(tmp_path):
    assert write(tmp_path / "model").channels is None


def test_channels_are_of_float32_alone(trained):
    other = replace(trained, references={"bfloat16": trained.reference})
    assert other.in_precision("bfloat16").channels is None


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("values", torch.full((3, 2), torch.nan)),
        ("values", torch.zeros(3, 2)),
        ("kept", torch.tensor([0, 10**6])),
        ("kept", torch.tensor([1.0])),
        ("code_mean", torch.zeros(2, 2)),
        ("more", torch.zeros(1)),
    ],
)
def test_damaged_channels_are_refused(trained, tmp_path, name, tensor):
    copied = tmp_path / "model"
    copied.mkdir()
    for file in trained.path.iterdir():
        if file.is_file():
            (copied / file.name).write_bytes(file.read_bytes())
    edit_tensors(copied, CHANNELS, lambda tensors: tensors.update({name: tensor}))
    with pytest.raises(BundleError, match=CHANNELS):
        bundle.load(copied)


def test_a_registry_copies_channels_where_there_are_any(trained, tmp_path):
    for number, source in enumerate([trained.path, write(tmp_path / "before").path]):
        draft = tmp_path / str(number)
        draft.mkdir()
        copy_bundle(source, draft)
        assert (draft / CHANNELS).exists() == (number == 0)
        assert bundle.load(draft).version == bundle.load(source).version


@pytest.mark.parametrize("name", ["ladder", "linear", "edges"])
def test_a_solved_model_has_channels_beside_its_own_errors(name, tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (120, 12, 12), dtype=np.uint8)
    records = images if name == "edges" else table(120)
    made = train(records, tmp_path / "model", TrainingSettings(name))
    views = made.channels.views
    for engine in (CpuEngine, DeviceEngine):
        subject = engine(made.model, made.input_spec, "mse", micro_batch=50, views=views)
        errors, seen = subject.with_views(records)
        np.testing.assert_allclose(errors, subject.errors(records), rtol=1e-5)
        assert seen.shape == (120, len(views.all))
        assert np.isfinite(seen).all()
