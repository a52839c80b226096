"""The parts of the ladder, against what they are defined to be."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.interpolation import Interpolated
from models.marginals import POINTS, Marginals
from models.memory import LIMIT, WIDTH, Memory
from models.neighbours import Neighbours
from models.surprisal import Surprisal
from models.whitened import RIDGE, Whitened

COLUMNS = {
    "normal": np.random.default_rng(0).normal(size=3000),
    "few values": np.random.default_rng(0).integers(0, 5, 3000).astype(float),
    "mostly zero": np.maximum(np.random.default_rng(0).normal(size=3000) - 1, 0),
    "fifty values": np.random.default_rng(0).integers(0, 50, 3000).astype(float),
    "long tail": np.random.default_rng(0).lognormal(size=3000),
}


def tail_cost(column, value):
    n = len(column)
    both = min((column <= value).sum(), (column >= value).sum())
    return -np.log(min((both + 0.5) / (n + 1), 1))


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_the_cost_of_a_value_is_its_smaller_tail(column):
    marginals = Marginals(1)
    marginals.fit(torch.tensor(column[:, None], dtype=torch.float32))
    seen = column.astype(np.float32)[:500]
    costs = marginals(torch.tensor(seen[:, None]))[:, 0].numpy()
    exact = [tail_cost(column.astype(np.float32), value) for value in seen]
    away = np.abs(costs - exact)
    assert np.quantile(away, 0.98) < 0.05
    assert away.max() < np.log(2)  # between the last values of a tail


def test_a_value_between_those_that_many_share_costs_more_than_they():
    marginals = Marginals(1)
    marginals.fit(torch.tensor([[0.0]] * 90 + [[1.0]] * 10))
    zero, half, one = marginals(torch.tensor([[0.0], [0.5], [1.0]]))[:, 0].tolist()
    assert zero < half
    assert half == pytest.approx(-np.log(10.5 / 101), rel=1e-3)
    assert one == pytest.approx(half, rel=1e-3)


def test_beyond_the_data_the_cost_grows_by_one_a_deviation():
    marginals = Marginals(1)
    marginals.fit(torch.tensor(COLUMNS["normal"][:, None], dtype=torch.float32))
    costs = marginals(torch.tensor([[-12.0], [-11.0], [11.0], [12.0]]))[:, 0]
    assert float(costs[0] - costs[1]) == pytest.approx(1, rel=1e-3)
    assert float(costs[3] - costs[2]) == pytest.approx(1, rel=1e-3)
    assert costs.min() > np.log(3000)


def test_curves_have_a_fixed_number_of_points():
    marginals = Marginals(len(COLUMNS))
    marginals.fit(torch.tensor(np.stack(list(COLUMNS.values()), axis=1)))
    assert marginals.costs.at.shape == (len(COLUMNS), POINTS)
    assert (marginals.costs.at.diff(dim=1) >= 0).all()


def test_interpolation_is_straight_between_its_points_and_beyond():
    curve = Interpolated(2, 3)
    at = torch.tensor([[0.0, 1.0, 3.0], [-1.0, 0.0, 0.0]])
    curve.fit(at, torch.tensor([[0.0, 2.0, 2.0], [1.0, 5.0, 7.0]]), -1.0, 2.0)
    x = torch.tensor([[-2.0, -3.0], [0.5, -0.5], [2.0, 0.0], [4.0, 1.0]])
    expected = torch.tensor([[2.0, 3.0], [1.0, 3.0], [2.0, 7.0], [4.0, 9.0]])
    torch.testing.assert_close(curve(x), expected)


@pytest.mark.parametrize("points", [2, 3, 7, 100, 127, 128, 129])
def test_of_many_values_the_same_piece_is_found_as_of_few(points):
    rng = np.random.default_rng(points)
    curves = Interpolated(6, points)
    at = torch.tensor(np.sort(rng.normal(size=(6, points)).round(1)))  # some of them equal
    curves.fit(at, torch.tensor(rng.normal(size=(6, points))), -1.0, 2.0)
    x = torch.cat([torch.tensor(rng.normal(size=(2000, 6))).float(), curves.at.T])
    few = torch.cat([curves(rows) for rows in x.split(50)])
    torch.testing.assert_close(curves(x), few, rtol=0, atol=0)


@pytest.mark.parametrize("d", [1, 3, 20])
def test_whitened_errors_are_mahalanobis_distances(d):
    rng = np.random.default_rng(d)
    records = rng.normal(size=(400, d)) @ rng.normal(size=(d, d)) + 3
    linear = Whitened(d, d)
    linear.fit(torch.tensor(records))
    covariance = np.atleast_2d(np.cov(records.T, bias=True))
    covariance += RIDGE * np.trace(covariance) / d * np.eye(d)
    away = records - records.mean(0)
    expected = np.einsum("ij,jk,ik->i", away, np.linalg.inv(covariance), away)
    x = torch.tensor(records, dtype=torch.float32)
    np.testing.assert_allclose(linear(x), expected, rtol=2e-3)
    torch.testing.assert_close(linear.each(x).sum(1), linear(x), rtol=1e-3, atol=1e-4)


def test_directions_beyond_the_rank_share_one_spread():
    records = np.random.default_rng(0).normal(size=(500, 8)) * [9, 8, 1, 1, 1, 1, 1, 1]
    linear = Whitened(8, 2)
    linear.fit(torch.tensor(records))
    whole = Whitened(8, 8)
    whole.fit(torch.tensor(records))
    x = torch.tensor(records, dtype=torch.float32)
    assert np.corrcoef(linear(x), whole(x))[0, 1] > 0.99
    torch.testing.assert_close(linear.each(x).sum(1), linear(x), rtol=1e-3, atol=1e-4)


def test_directions_that_few_records_cannot_show_say_nothing():
    records = np.random.default_rng(0).normal(size=(20, 30))
    linear = Whitened(30, 30)
    linear.fit(torch.tensor(records))
    assert int((linear.gain > 0).sum()) == 19
    x = torch.tensor(records[:5], dtype=torch.float32)
    torch.testing.assert_close(linear.each(x).sum(1), linear(x), rtol=1e-3, atol=1e-4)


def test_the_memorys_error_is_a_free_energy():
    records = torch.tensor(np.random.default_rng(0).normal(size=(50, 4)), dtype=torch.float32)
    memory = Memory(4, 20)
    chosen = memory.fit(records, seed=0)
    kept = records[chosen].clamp(-LIMIT, LIMIT)
    assert torch.equal(memory.remembered, kept)
    squares = torch.cdist(kept, kept).square()
    assert float(memory.width) == pytest.approx(WIDTH * float(squares.median()), rel=1e-5)
    x = 2 * records[:7]
    near = -torch.cdist(x.clamp(-LIMIT, LIMIT), kept).square() / memory.width
    torch.testing.assert_close(memory(x), -near.logsumexp(1), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(memory.reconstruct(x), near.softmax(1) @ kept, rtol=1e-4, atol=1e-4)


def test_a_remembered_record_is_judged_without_its_own_memory():
    records = torch.tensor(np.random.default_rng(0).normal(size=(30, 4)), dtype=torch.float32)
    memory = Memory(4, 30)
    memory.fit(records, seed=0)
    apart = memory.without_itself()
    assert (apart > memory(memory.remembered)).all()


def test_the_seed_says_what_is_remembered():
    records = torch.rand(100, 3)
    chosen = [Memory(3, 10).fit(records, seed).tolist() for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]


def scaled(memory, x):
    """Minus the squared distances to what is remembered, in widths."""
    return -torch.cdist(x.clamp(-LIMIT, LIMIT), memory.remembered).square() / memory.width


def some_neighbours():
    """Of 200 records a tenth is strange; 30 and 8 are remembered, as strange as their row says."""
    records = torch.tensor(np.random.default_rng(0).normal(size=(200, 4)), dtype=torch.float32)
    strange = torch.arange(200) >= 180
    memory = Neighbours(4, 30, 8)
    chosen = memory.remember(records, ~strange, strange, seed=0)
    memory.learn(chosen.float())
    return memory, records, chosen


def test_neighbours_are_remembered_of_both_kinds_and_the_usual_ones_are_a_memory():
    memory, records, chosen = some_neighbours()
    assert (chosen[:30] < 180).all()
    assert (chosen[30:] >= 180).all()
    assert len(set(chosen.tolist())) == 38
    plain = Memory(4, 30)
    plain._keep(records[chosen[:30]])
    energy, _, _ = memory.read(memory.attend(records))
    torch.testing.assert_close(energy, plain(records), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(energy, memory(records), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(memory.reconstruct(records), plain.reconstruct(records))


def test_the_strangeness_of_neighbours_is_their_weighted_mean():
    """Each counts for as many as it stands for: 180 / 30 usual ones, 20 / 8 strange ones."""
    memory, records, chosen = some_neighbours()
    x = 2 * records[:9]
    kernel = scaled(memory, x).double().exp() * torch.tensor([6.0] * 30 + [2.5] * 8)
    expected = (kernel @ chosen.double()) / kernel.sum(1)
    _, strangeness, closeness = memory.read(memory.attend(x))
    torch.testing.assert_close(strangeness.double(), expected, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(closeness.double(), kernel.sum(1).log(), rtol=1e-4, atol=1e-4)


def test_a_remembered_record_is_no_neighbour_of_itself():
    memory, _, chosen = some_neighbours()
    _, strangeness, _ = memory.read(memory.others())
    kernel = scaled(memory, memory.remembered).double().exp()
    kernel *= torch.tensor([6.0] * 30 + [2.5] * 8) * (1 - torch.eye(38))
    expected = (kernel @ chosen.double()) / kernel.sum(1)
    torch.testing.assert_close(strangeness.double(), expected, rtol=1e-4, atol=1e-3)


def test_the_only_strange_record_has_usual_neighbours_alone():
    records = torch.tensor(np.random.default_rng(0).normal(size=(100, 4)), dtype=torch.float32)
    memory = Neighbours(4, 30, 1)
    chosen = memory.remember(records, torch.arange(100) < 99, torch.arange(100) == 99, seed=0)
    memory.learn(chosen.float())
    _, strangeness, closeness = memory.read(memory.others())
    kernel = scaled(memory, memory.remembered)[30, :30].double().exp()
    expected = float(kernel @ chosen[:30].double() / kernel.sum())
    assert float(strangeness[30]) == pytest.approx(expected, rel=1e-4)
    assert float(closeness[30]) == pytest.approx(float((kernel.sum() * 99 / 30).log()), rel=1e-4)


def test_far_from_all_neighbours_ones_own_strangeness_counts():
    memory, records, _ = some_neighbours()
    memory.reach(memory.read(memory.attend(records))[2])
    far = torch.full((1, 4), LIMIT) * torch.tensor([1.0, -1.0, 1.0, -1.0])
    _, strangeness, closeness = memory.read(memory.attend(torch.cat([records[:1], far])))
    near, alone = memory.mixed(strangeness, closeness, torch.tensor([1000.0, 1000.0])).tolist()
    assert near < 250
    assert alone > 990
    memory.ignore()
    assert memory.mixed(strangeness, closeness, torch.tensor([7.0, 7.0])).tolist() == [7, 7]


def test_a_surprisal_is_minus_the_log_of_the_share_above():
    errors = torch.tensor(np.random.default_rng(0).gamma(2, size=5000))
    surprisal = Surprisal()
    surprisal.fit(errors)
    middle = torch.quantile(errors.double(), torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64))
    found = surprisal(middle.float())
    torch.testing.assert_close(found, -torch.tensor([0.9, 0.5, 0.1]).log(), rtol=0.02, atol=0.01)


def test_a_surprisal_rises_beyond_all_errors_and_never_falls():
    surprisal = Surprisal()
    surprisal.fit(torch.tensor([0.0] * 30 + [1.0] * 30 + list(np.linspace(1, 2, 40))))
    found = surprisal(torch.linspace(-1, 100, 5000))
    assert (found.diff() >= 0).all()
    assert (found >= 0).all()
    assert found[-1] > found[-100] > np.log(100 / 5)


def test_where_the_root_begins_rounding_does_not_matter():
    surprisal = Surprisal()
    surprisal.fit(torch.tensor(np.random.default_rng(0).gamma(2, size=5000)))
    start = float(surprisal.start)
    near = torch.tensor([start * (1 + part) for part in (-1e-6, 0.0, 1e-6)])
    assert surprisal(near).diff().abs().max() < 3e-4
    spread = float(surprisal.spread)
    one, two = (surprisal(torch.tensor([start + n * spread])) for n in (1, 4))
    assert float(two - one) == pytest.approx(1, rel=1e-5)  # and beyond, it is the root
