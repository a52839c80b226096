"""Linear: the Mahalanobis distance as a surprisal, of which the strangest taught nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import mahalanobis
from sklearn.metrics import roc_auc_score

from models.architectures import build
from models.errors import TrainingError
from models.linear import MAX_VALUES
from models.recipe import train
from models.settings import TrainingSettings
from tests.models.builders import spec_of
from tests.models.scoring import assert_alike

LINEAR = TrainingSettings(architecture="linear", device="cpu")


def around_a_plane(count, seed=0, d=6):
    """d features that follow two hidden values, and a little noise of their own."""
    rng = np.random.default_rng(seed)
    to_features = np.random.default_rng(99).normal(size=(2, d))
    return rng.normal(size=(count, 2)) @ to_features + 0.1 * rng.normal(size=(count, d))


def solved(records, share=0.0):
    """A model of these records, in float32 as they are."""
    model = build("linear", spec_of((records.shape[1],)), {}).eval()
    x = torch.tensor(records, dtype=torch.float32)
    return model, x, model.solve(x, share, seed=0)


def ranked(model, rows):
    return model.errors(torch.tensor(rows, dtype=torch.float32)).argsort(stable=True)


def test_it_ranks_as_the_mahalanobis_distance_does():
    model, x, _ = solved(around_a_plane(2000))
    rows = 3 * around_a_plane(200, seed=1)
    inverse = np.linalg.inv(np.cov(x.double().numpy().T, bias=True))
    middle = x.double().numpy().mean(0)
    expected = np.array([mahalanobis(row, middle, inverse) for row in rows])
    # Spreads are widened a little: nearly the same order.
    found = model.errors(torch.tensor(rows, dtype=torch.float32)).numpy()
    assert np.corrcoef(np.argsort(np.argsort(found)), np.argsort(np.argsort(expected)))[0, 1] > 0.99


def test_the_code_counts_as_the_residual_does():
    model, _, _ = solved(around_a_plane(2000))
    normal = around_a_plane(300, seed=1)
    rng = np.random.default_rng(2)
    shuffled = np.stack([rng.permutation(column) for column in normal.T], axis=1)
    truth = np.repeat([0, 1], 300)
    for odd in (6 * normal, shuffled):
        both = torch.tensor(np.concatenate([normal, odd]), dtype=torch.float32)
        assert roc_auc_score(truth, model.errors(both)) > 0.95


def test_errors_of_normal_records_are_surprisals():
    model, x, _ = solved(around_a_plane(5000))
    errors = model.errors(x)
    assert float(errors.mean()) == pytest.approx(1, abs=0.1)
    assert float((errors > np.log(20)).float().mean()) == pytest.approx(0.05, abs=0.01)


def test_errors_go_on_growing_far_outside():
    model, x, _ = solved(around_a_plane(500))
    errors = [float(model.errors(factor * x[:1])) for factor in (10.0, 100.0, 1e4, 1e8)]
    assert errors == sorted(errors)
    assert len(set(errors)) == 4
    assert np.isfinite(errors).all()


def test_records_that_are_left_out_do_not_teach_it():
    rng = np.random.default_rng(0)
    odd = rng.normal(size=(300, 6)) * 0.1 + 4
    normal = around_a_plane(2000)
    mixed = np.concatenate([normal, odd[:150]])
    areas = []
    for share in (0.0, 0.1):
        model, _, kept = solved(mixed, share)
        both = torch.tensor(np.concatenate([normal[:500], odd[150:]]), dtype=torch.float32)
        truth = np.repeat([0, 1], [500, 150])
        areas.append(roc_auc_score(truth, model.errors(both)))
    assert int((~kept).sum()) == 215
    assert not kept[2000:].any()
    assert areas[1] > areas[0]


@pytest.mark.parametrize("d", [1, 2, 6, 1100])
def test_the_map_is_how_the_values_share_the_error(d):
    records = np.random.default_rng(0).normal(size=(300, d))
    model, x, _ = solved(records)
    elements = model.element_errors(5 * x)
    assert elements.shape == x.shape
    assert (elements >= 0).all()
    torch.testing.assert_close(elements.mean(1), model.errors(5 * x), rtol=1e-4, atol=1e-5)


def test_the_map_points_at_the_value_that_is_wrong():
    model, _, _ = solved(around_a_plane(2000))
    odd = around_a_plane(50, seed=1)
    odd[:, 3] += 3
    elements = model.element_errors(torch.tensor(odd, dtype=torch.float32))
    assert (elements.argmax(1) == 3).float().mean() > 0.9


@pytest.mark.parametrize("records", [np.ones((60, 3)), np.arange(60.0)[:, None] % 2])
def test_constants_and_two_values_are_no_trouble(records):
    model, x, _ = solved(records, share=0.1)
    assert torch.isfinite(model.errors(torch.cat([x, x + 5]))).all()
    assert model.errors(x + 5).min() > model.errors(x).max()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    records = np.concatenate([around_a_plane(1000), np.full((10, 6), 30.0)])
    return train(records, tmp_path_factory.mktemp("bundles") / "linear", LINEAR), records


def test_a_bundle_scores_as_before_it_was_saved_in_batches_of_any_size(made):
    built, records = made
    assert_alike(built, records)


def test_the_same_records_and_seed_give_the_same_bundle(made, tmp_path):
    built, records = made
    assert train(records, tmp_path / "again", LINEAR).version == built.version


def test_clean_records_are_all_learned_from(tmp_path):
    made = train(around_a_plane(100), tmp_path / "bundle", replace(LINEAR, contamination=0.0))
    assert made.metadata["left_out"]["count"] == 0


def test_large_records_are_refused():
    with pytest.raises(ValueError, match=r"at most 4,096 values, got 4,097; use dense"):
        build("linear", spec_of((MAX_VALUES + 1,)), {})


def test_settings_of_gradients_are_refused(tmp_path):
    with pytest.raises(TrainingError, match="leave out epochs"):
        train(around_a_plane(60), tmp_path / "bundle", replace(LINEAR, epochs=3))


def test_of_few_records_those_that_are_odd_value_by_value_do_not_teach_it():
    """With as many records as values, each is about as far from the others as any."""
    d, found = 120, []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        hidden = rng.normal(size=(5, d))
        records = rng.normal(size=(150, 5)) @ hidden + rng.normal(size=(150, d))
        records[140:, :40] += 8
        _, _, kept = solved(records, share=0.1)
        found.append(float((~kept[140:]).float().mean()))
    assert np.mean(found) > 0.6


def test_a_mark_that_few_records_have_is_as_far_as_it_is_rare(tmp_path):
    """One record in three hundred has it: 17 standard deviations, and no wild value."""
    rng = np.random.default_rng(0)
    records = np.column_stack([rng.normal(size=(6000, 3)), rng.random(6000) < 1 / 300])
    made = train(records, tmp_path / "bundle", replace(LINEAR, contamination=0.0))
    marked = torch.from_numpy(made.input_spec.prepare(np.array([[0.0, 0, 0, 1]])))
    assert float(made.model.linear(marked)) == pytest.approx(300, rel=0.2)
