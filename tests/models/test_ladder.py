"""The ladder: each rung sees what the others do not, and what is left out does not teach it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from models.architectures import build
from models.solved import unusual
from tests.models.builders import around_a_line, spec_of


def in_clusters(count, seed=0):
    """Two features, four tight clusters at the corners of a square."""
    rng = np.random.default_rng(seed)
    return rng.choice([-1.0, 1.0], (count, 2)) + 0.05 * rng.normal(size=(count, 2))


def solved(records, share=0.0, **settings):
    """A ladder for these records, in float32 as they are."""
    model = build("ladder", spec_of((records.shape[1],)), settings).eval()
    x = torch.tensor(records, dtype=torch.float32)
    model.solve(x, share, seed=0)
    return model, x


def auc(model, normal, odd):
    both = torch.tensor(np.concatenate([normal, odd]), dtype=torch.float32)
    truth = np.repeat([0, 1], [len(normal), len(odd)])
    return roc_auc_score(truth, model.errors(both))


def test_a_record_off_the_plane_is_found_though_each_value_is_usual():
    model, _ = solved(around_a_line(2000))
    odd = around_a_line(300, seed=1)
    rng = np.random.default_rng(2)
    odd = np.stack([rng.permutation(column) for column in odd.T], axis=1)
    assert auc(model, around_a_line(300, seed=3), odd) > 0.95


def test_a_record_far_along_the_plane_is_found_though_it_is_reconstructed():
    model, _ = solved(around_a_line(2000))
    normal = around_a_line(300, seed=1)
    assert auc(model, normal, 6 * normal) > 0.95


def test_a_record_between_clusters_is_found_though_it_is_in_the_middle():
    model, _ = solved(in_clusters(2000))
    between = 0.05 * np.random.default_rng(1).normal(size=(300, 2))
    assert auc(model, in_clusters(300, seed=2), between) > 0.98


def test_errors_go_on_growing_far_outside():
    model, x = solved(around_a_line(500))
    errors = [float(model.errors(factor * x[:1])) for factor in (10.0, 100.0, 1e4, 1e8)]
    assert errors == sorted(errors)
    assert len(set(errors)) == 4
    assert np.isfinite(errors).all()


def test_errors_of_normal_records_are_surprisals():
    """Of each rung -log p is exponential, with a mean of 1; so is their mean, and the error's."""
    model, x = solved(around_a_line(5000))
    rungs = model._surprisals(x, model.memory(x))
    for rung in rungs:
        assert float(rung.mean()) == pytest.approx(1, abs=0.1)
        assert float((rung > np.log(20)).float().mean()) == pytest.approx(0.05, abs=0.01)
    beyond = 2 * (rungs[1] - 6).clamp(min=0)
    torch.testing.assert_close(model.errors(x), rungs.mean(0) + beyond)
    assert 0 < float((beyond > 0).float().mean()) < 0.005


def process(count, seed=0, broken=False):
    """Forty sensors that follow five hidden values; two of them change places when it is broken."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(count, 5))
    records = hidden @ np.random.default_rng(98).normal(size=(5, 40))
    records += 0.3 * rng.normal(size=records.shape)
    if broken:
        records[:, [3, 4]] = records[:, [4, 3]]
    return records


def test_what_the_linear_rung_is_sure_of_is_not_averaged_away():
    """Each value, and each neighbour, is as usual: only a law of two sensors is broken."""
    found = {}
    for excess in (0.0, 2.0):
        model, _ = solved(process(600), share=0.1, excess=excess)
        normal, odd = (
            model.errors(torch.tensor(records, dtype=torch.float32))
            for records in (process(2000, seed=1), process(500, seed=2, broken=True))
        )
        found[excess] = float((odd > normal.quantile(0.99)).float().mean())
    assert found[2.0] > found[0.0] + 0.1


def test_what_is_beyond_chance_is_of_the_values_that_break_the_law():
    model, _ = solved(process(600), share=0.1)
    odd = torch.tensor(process(200, seed=2, broken=True), dtype=torch.float32)
    elements = model.element_errors(odd)
    torch.testing.assert_close(elements.mean(1), model.errors(odd), rtol=1e-4, atol=1e-5)
    assert (elements[:, [3, 4]].sum(1) / elements.sum(1)).median() > 0.4


def test_without_neighbours_the_rungs_are_all():
    model, x = solved(around_a_line(500), share=0.1, strange=0, excess=0)
    rungs = model._surprisals(x, model.memory(x))
    torch.testing.assert_close(model.errors(x), rungs.mean(0))


def test_what_is_near_strange_records_is_stranger_than_what_is_near_usual_ones():
    """Anomalies of one kind beside as many odd ones, each by itself and just as far out."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(60, 6))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    together = 4 / np.sqrt(6) + 0.2 * rng.normal(size=(60, 6))
    apart = 4 * directions
    records = np.concatenate([rng.normal(size=(3000, 6)), together, apart])
    found = {}
    for strange in (0, 96):
        model, x = solved(records, share=0.1, strange=strange)
        found[strange] = auc(model, x[3060:].numpy(), x[3000:3060].numpy())
    assert found[96] > found[0] + 0.05


def test_of_records_that_are_vouched_for_no_neighbours_are_strange():
    model, x = solved(around_a_line(500), share=0.0, excess=0)
    own = model._surprisals(10 * x, model.memory(10 * x)).mean(0)
    torch.testing.assert_close(model.errors(10 * x), own)


@pytest.mark.parametrize("d", [1, 2, 6, 600])
def test_the_map_is_how_the_values_share_the_error(d):
    records = np.random.default_rng(0).normal(size=(300, d))
    model, x = solved(records)
    elements = model.element_errors(5 * x)
    assert elements.shape == x.shape
    assert (elements >= 0).all()
    torch.testing.assert_close(elements.mean(1), model.errors(5 * x), rtol=1e-4, atol=1e-5)


def test_the_map_points_at_the_value_that_is_wrong():
    records = around_a_line(2000)
    model, _ = solved(records)
    odd = around_a_line(50, seed=1)
    odd[:, 3] += 3
    elements = model.element_errors(torch.tensor(odd, dtype=torch.float32))
    assert (elements.argmax(1) == 3).float().mean() > 0.9


def test_records_that_are_left_out_do_not_teach_it():
    """A tenth of the records are anomalies of one kind: without them, more are found."""
    rng = np.random.default_rng(0)
    odd = rng.normal(size=(400, 6)) * 0.1 + 4
    normal = around_a_line(2000)
    mixed = np.concatenate([normal, odd[:200]])
    found = {share: auc(solved(mixed, share)[0], normal[:500], odd[200:]) for share in (0.0, 0.1)}
    assert found[0.0] < 0.97
    assert found[0.1] > found[0.0] + 0.02


def test_the_strangest_are_left_out_as_many_as_were_asked_for():
    normal = around_a_line(1000)
    wild = 10 + np.random.default_rng(1).normal(size=(20, 6)) * 8
    model = build("ladder", spec_of((6,)), {}).eval()
    x = torch.tensor(np.concatenate([normal, wild]), dtype=torch.float32)
    kept = model.solve(x, 0.02, seed=0)
    assert int((~kept).sum()) == 20
    assert not kept[1000:].any()


def test_of_equal_records_the_later_are_left_out():
    assert unusual(torch.tensor([1.0, 3.0, 3.0, 3.0]), 0.5).tolist() == [False, False, True, True]


@pytest.mark.parametrize("records", [np.ones((60, 3)), np.arange(60.0)[:, None] % 2])
def test_constants_and_two_values_are_no_trouble(records):
    model, x = solved(records, share=0.1)
    assert torch.isfinite(model.errors(torch.cat([x, x + 5]))).all()
    assert model.errors(x + 5).min() > model.errors(x).max()
