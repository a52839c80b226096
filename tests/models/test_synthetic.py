"""Synthetic anomalies: what each kind changes, and what it leaves."""

from __future__ import annotations

import numpy as np
import pytest

from models.input_spec import InputSpec
from models.schema import Feature, Schema
from models.synthetic import anomalies
from tests.models.builders import digits, vectors


def of(records, schema=None, layout="", seed=0):
    spec = InputSpec.fit(records, schema, None, layout)
    return spec.prepare(records), anomalies(spec, records, seed)


SERIES = np.random.default_rng(0).normal(size=(60, 16, 3)).cumsum(axis=1)
RGB = np.random.default_rng(0).integers(0, 256, (40, 9, 12, 3), dtype=np.uint8)
CASES = {
    "vectors": (vectors(200), "", {"shuffled", "offset", "scaled", "tails"}),
    "one feature": (vectors(60, 1), "", {"offset", "scaled", "tails"}),
    "constant": (np.ones((60, 1)), "", {"other"}),
    "masks": (np.random.default_rng(0).random((60, 3)) > 0.5, "", None),
    "series": (SERIES, "series", {"shuffled", "pasted", "offset", "noise", "scaled"}),
    "grey": (digits(60), "", {"pasted", "occluded", "blurred", "noisy", "contrast"}),
    "RGB": (RGB, "", {"pasted", "occluded", "blurred", "noisy", "contrast"}),
    "tiny": (RGB[:, :2, :2], "", {"pasted", "occluded", "blurred", "noisy", "contrast"}),
    "two records": (vectors(2), "", {"shuffled", "offset", "scaled", "tails"}),
}


@pytest.mark.parametrize(("records", "layout", "kinds"), CASES.values(), ids=CASES)
def test_every_kind_of_record_is_spoilt_and_nothing_else(records, layout, kinds):
    normal, made = of(records, layout=layout)
    assert kinds is None or set(made) == kinds
    for each in made.values():
        assert each.shape == normal.shape
        assert each.dtype == np.float32
        assert np.isfinite(each).all()
        changed = (each != normal).reshape(len(normal), -1).any(axis=1)
        assert len(records) == 2 or changed.mean() > 0.4


@pytest.mark.parametrize(("records", "layout", "kinds"), CASES.values(), ids=CASES)
def test_a_seed_makes_them_repeatable(records, layout, kinds):
    (_, first), (_, again) = of(records, layout=layout), of(records, layout=layout)
    _, other = of(records, layout=layout, seed=1)
    assert all(np.array_equal(first[kind], again[kind]) for kind in first)
    if set(first) != {"other"}:
        assert not all(np.array_equal(first[kind], other[kind]) for kind in first)


def test_shuffling_keeps_each_feature_and_breaks_what_they_have_in_common():
    normal, made = of(vectors(2000, 2))
    shuffled = made["shuffled"]
    apart = np.abs(np.corrcoef(normal.T)[0, 1] - np.corrcoef(shuffled.T)[0, 1])
    assert apart > 0.2
    # A value is one that some record has; at least one feature of each is its own.
    for column, values in zip(shuffled.T, normal.T, strict=True):
        assert np.isin(column, values).all()
    assert (shuffled == normal).any(axis=1).all()


def test_an_offset_moves_one_number_by_one_to_five_deviations():
    normal, made = of(vectors(500))
    moved = np.abs(made["offset"] - normal)
    assert ((moved > 1e-6).sum(axis=1) == 1).all()
    assert moved.max(axis=1).min() > 0.9
    assert moved.max() < 5.5


def test_tails_are_extreme_values_of_the_feature():
    normal, made = of(vectors(1000))
    changed = made["tails"] != normal
    for i in range(normal.shape[1]):
        low, high = np.quantile(normal[:, i], [0.026, 0.974])
        values = made["tails"][changed[:, i], i]
        assert ((values <= low) | (values >= high)).all()


def test_categories_and_what_is_missing_stay_what_a_record_may_hold():
    rng = np.random.default_rng(0)
    schema = Schema(
        (
            Feature("heat"),
            Feature("mode", "category", ("up", "down")),
            Feature("load", missing=True),
        )
    )
    load = np.where(rng.random(300) < 0.3, np.nan, rng.normal(size=300))
    rows = np.stack([rng.normal(size=300), rng.integers(0, 2, 300), load], axis=1)
    normal, made = of(rows, schema)
    assert normal.shape[1] == 6
    for each in made.values():
        # One column of the category is 1, and the indicator of missing is 0 or 1.
        assert (each[:, 1:4].sum(axis=1) == normal[:, 1:4].sum(axis=1)).all()
        assert set(np.unique(each[:, 5])) <= set(np.unique(normal[:, 5]))
    for kind in ("offset", "scaled", "tails"):
        assert np.array_equal(made[kind][:, 5], normal[:, 5])
    assert not np.array_equal(made["shuffled"][:, 5], normal[:, 5])


def test_a_single_category_becomes_another_one():
    schema = Schema((Feature("mode", "category", ("up", "down", "off")),))
    rows = np.random.default_rng(0).integers(0, 3, (60, 1)).astype(float)
    normal, made = of(rows, schema)
    assert set(made) == {"other"}
    assert (made["other"].argmax(axis=1) != normal.argmax(axis=1)).all()


def test_pictures_stay_in_their_range_and_patches_leave_most_of_them():
    normal, made = of(digits(100))
    for each in made.values():
        assert each.min() >= 0
        assert each.max() <= 1
    for kind in ("pasted", "occluded"):
        touched = (made[kind] != normal).mean(axis=(1, 2, 3))
        assert touched.max() <= 0.3
    assert made["blurred"].std() < normal.std()
