"""What carries a record's error: the feature, the steps or the place that was changed."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
import torch

from models.architectures import ARCHITECTURES, SOLVED
from models.description import Description
from models.error_place import CELLS, densest
from models.errors import ShapeError
from models.explaining import Explainer, _shortest_run
from models.explanation import LONGEST, MODEL, MOST, SHARES, LeftOut
from models.given import Normal
from models.recipe import train
from models.schema import Feature, Schema
from models.settings import TrainingSettings
from models.wrapping import wrap
from tests.models import scorers
from tests.models.builders import SHAPES, rings

CHANGED = 2
"""The feature or channel that is changed."""
MIXING = np.random.default_rng(7).normal(size=(2, 12))


def explained(made, records, features=3):
    explainer = Explainer(made.model, made.input_spec, made.error_metric, features)
    return explainer.explain(records, torch.from_numpy(made.input_spec.prepare(records)))


def vectors(count, seed=0, d=12):
    """Columns that are driven by two hidden ones, in units of their own."""
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(count, 2)) @ MIXING[:, :d]
    rows += 0.1 * generator.normal(size=rows.shape)
    return 100 + rows * np.arange(1, d + 1)


def series(count, seed=0):
    """Three channels over 16 steps: waves of some phase, and the same wave twice."""
    generator = np.random.default_rng(seed)
    phase = generator.uniform(0, 2 * math.pi, size=(count, 1))
    wave = np.sin(phase + np.arange(16) / 2)
    made = np.stack([wave, 2 * wave, -wave], axis=2)
    return made + 0.05 * generator.normal(size=made.shape)


def taught(name, folder, records):
    epochs = None if name in SOLVED else 40 if records.ndim == 2 else 25
    settings = TrainingSettings(architecture=name, epochs=epochs, device="cpu")
    layout = "series" if records.shape[1:] == (16, 3) else ""
    return train(records, folder, settings, described=Description(layout=layout))


def kind_of(name):
    return len(SHAPES[name][0])


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name != "onnx"])
def test_what_was_changed_carries_most_of_the_error(name, tmp_path):
    if kind_of(name) == 1:
        made, odd = taught(name, tmp_path / "b", vectors(400)), vectors(5, seed=9)
        odd[:, CHANGED] += 15  # the others do not follow
        for found in explained(made, odd):
            assert found.features[0].feature == f"feature {CHANGED}"
    elif kind_of(name) == 2:
        made, odd = taught(name, tmp_path / "b", series(400)), series(5, seed=9)
        odd[:, 6:9, CHANGED] += 4
        for found in explained(made, odd):
            first = found.features[0]
            assert first.feature == f"feature {CHANGED}"
            assert 6 <= first.worst_step <= 8
            assert first.steps[0] <= first.worst_step <= first.steps[1]
    else:
        made, odd = taught(name, tmp_path / "b", rings(150)), rings(5, seed=9)
        odd[:, 2:7, 20:26] = 255
        for found in explained(made, odd):
            place = found.place
            assert place.left < 26
            assert place.left + place.width > 20
            assert place.top < 7
            assert place.area < 0.3
            assert place.share > 2 * place.area


@pytest.mark.parametrize("name", ["dense", "ladder"])
def test_windows_say_which_channel_and_when(name, tmp_path):
    made, odd = taught(name, tmp_path / "b", series(400)), series(5, seed=9)
    odd[:, 6:9, CHANGED] += 4
    for found in explained(made, odd):
        first = found.features[0]
        assert first.feature == f"feature {CHANGED}"
        assert 6 <= first.worst_step <= 8
        assert first.steps[1] - first.steps[0] <= 4


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """Of a table with a category, a boolean and a column that may be missing."""
    schema = Schema((
        Feature("heat", missing=True), Feature("mode", "category", ("down", "up")),
        Feature("open", "boolean"), Feature("load"),
    ))  # fmt: skip
    generator = np.random.default_rng(0)
    heat = generator.normal(20, 2, size=400)
    mode, opened = (heat > 20).astype(float), (heat > 21).astype(float)
    load_ = 3 * heat + generator.normal(size=400)
    rows = np.stack([heat, mode, opened, load_], axis=1)
    rows[5, 0] = np.nan
    folder = tmp_path_factory.mktemp("machine") / "b"
    settings = TrainingSettings(architecture="dense", epochs=40, device="cpu")
    return train(rows, folder, settings, described=Description(schema))


def test_values_are_the_users_own(machine):
    rows = np.array([
        [25, 0, 1, 75], [18, 2, 0, 54], [np.nan, 1, 0, 60], [20, 1, 0, 1e6], [25, 1, 0, 75],
    ])  # fmt: skip
    wrong, unseen, missing, wild, shut = (found.features[0] for found in explained(machine, rows))
    assert (wrong.feature, wrong.value, wrong.expected) == ("mode", "down", "up")
    assert (unseen.feature, unseen.value) == ("mode", "(other)")
    assert (missing.feature, missing.value) == ("heat", None)
    assert isinstance(missing.expected, float)
    assert (wild.feature, wild.value) == ("load", 1e6)
    assert (shut.feature, shut.value, shut.expected) == ("open", False, True)


def test_shares_add_up_to_the_whole(machine):
    rows = np.array([[25, 0, 1, 75], [18.0, 2, 0, 54]])
    for features in (1, 2, 4):
        for found in explained(machine, rows, features):
            told = sum(each.share for each in found.features)
            assert len(found.features) <= features
            assert told <= 1 + 1e-12
            assert told + found.rest == pytest.approx(1, abs=1e-9)


def test_it_is_the_same_again_and_for_one_record_alone(machine):
    rows = np.array([[25, 0, 1, 75], [18.0, 2, 0, 54]])
    assert explained(machine, rows) == explained(machine, rows)
    alone = [explained(machine, rows[i : i + 1])[0] for i in range(2)]
    for one, other in zip(alone, explained(machine, rows), strict=True):
        assert [f.feature for f in one.features] == [f.feature for f in other.features]
        assert one.rest == pytest.approx(other.rest, abs=2e-4)


def test_a_value_of_float32_is_told_as_short_as_it_came(tmp_path):
    made = taught("dense", tmp_path / "b", vectors(400).astype(np.float32))
    odd = vectors(1, seed=9).astype(np.float32)
    odd[0, CHANGED] = 123.4
    assert explained(made, odd)[0].features[0].value == 123.4


def test_hostile_names_are_one_line_and_bounded(tmp_path):
    names = ["a\x1b[31m\nred", "b" * 5000, '"}]', "=cmd()"]
    made = train(
        vectors(400, d=4), tmp_path / "b",
        TrainingSettings(architecture="dense", epochs=5, device="cpu"),
        described=Description(Schema.numbers(names)),
    )  # fmt: skip
    (found,) = explained(made, vectors(1, seed=9, d=4), 4)
    told = {each.feature for each in found.features}
    assert told <= {"a [31m red", "b" * LONGEST, '"}]', "=cmd()"}
    assert len(json.dumps(asdict(found))) < 2000


def test_brightness_lies_nowhere_in_the_picture(tmp_path):
    made = taught("edges", tmp_path / "b", rings(150))
    bright = np.clip(rings(1, seed=9).astype(np.int64) + 90, 0, 255).astype(np.uint8)
    (found,) = explained(made, bright)
    assert found.unplaced["brightness"] > 0.15
    total = found.place.share + sum(found.unplaced.values()) + found.rest
    assert total == pytest.approx(1, abs=1e-3)
    assert explained(made, rings(1, seed=9))[0].unplaced.get("brightness", 0) < 0.05


@pytest.mark.parametrize(
    ("errors", "worst", "run"),
    [
        ([0, 0, 5, 0], 2, (2, 2)),
        ([1, 1, 1, 1], 0, (0, 1)),
        ([1, 1, 1, 1], 3, (2, 3)),
        ([3, 0, 4, 4], 2, (2, 3)),
        ([5, 6, 4, 1], 1, (0, 1)),
    ],
)
def test_the_steps_are_the_fewest_around_the_worst_with_half_of_the_error(errors, worst, run):
    assert _shortest_run(np.array(errors, dtype=float), worst) == run


@pytest.mark.parametrize("side", [8, 16, 28, 100])
def test_noise_all_over_has_no_place(side):
    noise = np.random.default_rng(0).normal(size=(50, side, side)) ** 2
    found = [densest(each) for each in noise]
    assert found.count((0, 0, side, side, 1.0, 1.0)) >= 48


@pytest.mark.parametrize("shape", [(8, 8), (28, 28), (33, 17), (12, 40), (480, 640)])
def test_the_rectangle_is_the_patch(shape):
    errors = np.full(shape, 0.01)
    height, width = shape
    top, left = height // 2, width // 3
    errors[top : top + max(1, height // 4), left : left + max(1, width // 4)] = 1
    found = densest(errors)
    # As exact as a cell, which is a pixel of a small picture.
    across, down = (0 if side <= CELLS else math.ceil(side / CELLS) for side in (width, height))
    assert abs(found.left - left) <= across
    assert abs(found.top - top) <= down
    assert abs(found.width - max(1, width // 4)) <= 2 * across
    assert abs(found.height - max(1, height // 4)) <= 2 * down
    assert found.share > 0.6
    inside = errors[found.top : found.top + found.height, found.left : found.left + found.width]
    assert inside.sum() / errors.sum() == pytest.approx(found.share)
    assert inside.size / errors.size == pytest.approx(found.area)


def test_of_all_rectangles_it_is_the_one_with_the_largest_excess():
    errors = np.random.default_rng(3).exponential(size=(9, 10)) ** 4
    best = max(
        errors[t:b, x:r].sum() / errors.sum() - (b - t) * (r - x) / errors.size
        for t in range(9) for b in range(t + 1, 10) for x in range(10) for r in range(x + 1, 11)
    )  # fmt: skip
    found = densest(errors)
    assert found.share - found.area == pytest.approx(best)


def test_a_scorer_of_others_says_no_more_than_its_error(tmp_path):
    path = scorers.written(scorers.distance([100, 100, 100, 100]), tmp_path / "scorer.onnx")
    made = wrap(path, tmp_path / "b", Normal(vectors(400, d=4)))
    assert explained(made, vectors(2, d=4)) == [LeftOut(MODEL)] * 2


def test_errors_without_an_end_have_no_shares(machine):
    explainer = Explainer(machine.model, machine.input_spec, "mse", 3)
    far = torch.full((1, machine.input_spec.shape[0]), 1e30)
    assert explainer.explain(np.array([[1e30, 0, 0, 1e30]]), far) == [LeftOut(SHARES)]


@pytest.mark.parametrize("features", [0, MOST + 1])
def test_so_many_features_are_not_named(machine, features):
    with pytest.raises(ValueError, match="features must be from 1 to 20"):
        explained(machine, np.zeros((1, 4)), features)


def test_records_of_another_shape_are_refused(machine):
    explainer = Explainer(machine.model, machine.input_spec, "mse", 3)
    width = machine.input_spec.shape[0]
    with pytest.raises(ShapeError):
        explainer.explain(np.zeros((1, width)), torch.zeros(1, width))
