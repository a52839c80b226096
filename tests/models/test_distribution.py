import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models.distribution import (
    RELATIVE_ERROR,
    ErrorDistribution,
    bucket_edges,
    bucket_index,
    bucket_values,
)

QUANTILES = [0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999]
SAMPLES = {
    "lognormal": lambda rng, n: rng.lognormal(-5, 2, n),
    "pareto": lambda rng, n: rng.pareto(1.1, n),
    "uniform": lambda rng, n: rng.uniform(0, 3e-4, n),
    "constant": lambda rng, n: np.full(n, 0.0421),
    "bimodal": lambda rng, n: np.where(
        rng.random(n) < 0.3, rng.normal(1, 0.01, n), rng.normal(900, 40, n)
    ),
}
errors = arrays.arrays(
    np.float64, st.integers(0, 60), elements=st.floats(0, 1e300, allow_subnormal=True)
)


@pytest.mark.parametrize("size", [10**3, 10**4, 10**5, 10**6])
@pytest.mark.parametrize("name", SAMPLES)
def test_quantiles_are_within_half_a_percent(name, size):
    sample = SAMPLES[name](np.random.default_rng(1), size)
    estimates = ErrorDistribution.from_errors(sample).quantiles(QUANTILES)
    exact = np.sort(sample)[[math.ceil(round(q * size, 6)) - 1 for q in QUANTILES]]
    assert np.all(np.abs(estimates - exact) <= (RELATIVE_ERROR + 1e-12) * exact)


@given(errors, errors, errors)
def test_merge_is_associative_and_equals_the_concatenation(a, b, c):
    x, y, z = map(ErrorDistribution.from_errors, (a, b, c))
    assert x.merge(y).merge(z) == x.merge(y.merge(z))
    assert x.merge(y) == y.merge(x) == ErrorDistribution.from_errors(np.concatenate([a, b]))


@given(errors, errors)
def test_subtract_undoes_merge_exactly(a, b):
    x, y = ErrorDistribution.from_errors(a), ErrorDistribution.from_errors(b)
    assert x.merge(y).subtract(y) == x


@given(errors, errors)
def test_merge_and_subtract_leave_their_operands_alone(a, b):
    x, y = ErrorDistribution.from_errors(a), ErrorDistribution.from_errors(b)
    x.merge(y).subtract(x)
    assert x == ErrorDistribution.from_errors(a)
    assert y == ErrorDistribution.from_errors(b)


@given(errors, errors)
def test_adding_in_place_equals_merging(a, b):
    x = ErrorDistribution.from_errors(a).add(b)
    y = ErrorDistribution.from_errors(a)
    y += ErrorDistribution.from_errors(b)
    assert x == y
    y -= ErrorDistribution.from_errors(b)
    assert y == ErrorDistribution.from_errors(a)


@given(errors)
def test_json_brings_back_the_same_distribution(a):
    x = ErrorDistribution.from_errors(a)
    assert ErrorDistribution.from_json(json.loads(json.dumps(x.to_json()))) == x


@given(errors.filter(len), st.floats(0, 1e300))
def test_rank_and_count_above_agree_with_the_buckets(a, error):
    x = ErrorDistribution.from_errors(a)
    above = int((bucket_index(a) > bucket_index(error)).sum())
    assert x.count_above(error) == above
    assert x.rank(error) == pytest.approx(1 - above / len(a))


def test_edges_belong_to_the_bucket_below_them():
    assert np.array_equal(bucket_index(bucket_edges[:-1]), np.arange(bucket_edges.size - 1))
    above = np.nextafter(bucket_edges[:-1], np.inf)
    assert np.array_equal(bucket_index(above), np.arange(1, bucket_edges.size))


def test_values_rise_from_zero_with_the_buckets():
    assert bucket_values[0] == 0
    assert np.all(np.diff(bucket_values) > 0)


def test_errors_out_of_range_are_counted_at_the_ends():
    x = ErrorDistribution.from_errors([0, 1e-300, 1e-12, 1e13, 1e300])
    assert (x.counts[0], x.counts[-1], x.total) == (3, 2, 5)
    assert (x.quantile(0.5), x.quantile(1)) == (0, pytest.approx(1.008e12, rel=1e-3))


def test_an_empty_distribution_has_no_quantiles():
    empty = ErrorDistribution()
    assert empty.total == 0
    assert np.isnan(empty.quantiles([0, 0.5, 1])).all()
    assert math.isnan(empty.rank(1))
    assert empty.add([]) == ErrorDistribution()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1e-9])
def test_unusable_errors_are_refused_and_nothing_is_counted(bad):
    x = ErrorDistribution()
    with pytest.raises(ValueError, match="finite and at least 0"):
        x.add([1.0, bad])
    assert x.total == 0


def test_what_was_never_added_cannot_be_subtracted():
    x = ErrorDistribution.from_errors([1, 2])
    with pytest.raises(ValueError, match="never added"):
        x -= ErrorDistribution.from_errors([1, 3])
    assert x == ErrorDistribution.from_errors([1, 2])


@pytest.mark.parametrize("level", [-0.1, 1.1, math.nan])
def test_quantile_levels_out_of_range_are_refused(level):
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        ErrorDistribution.from_errors([1]).quantile(level)


@pytest.mark.parametrize(
    "change",
    [
        {"scheme": "log-0.01"},
        {"counts": [1]},
        {"counts": [1, -1]},
        {"counts": [1, 1.5]},
        {"counts": [2**63, 1]},
        {"buckets": [1, 1]},
        {"buckets": [1, 10**6]},
        {"buckets": None},
    ],
)
def test_damaged_json_is_refused(change):
    document = {**ErrorDistribution.from_errors([1, 2]).to_json(), **change}
    with pytest.raises(ValueError, match=r"must|large"):
        ErrorDistribution.from_json(document)


def test_buckets_of_many_and_of_few_are_those_of_a_search_in_the_edges() -> None:
    spread = np.exp(np.random.default_rng(5).uniform(-70, 70, 100_000))
    edges = bucket_edges[:-1]
    near = np.concatenate([edges, np.nextafter(edges, 0), np.nextafter(edges, np.inf)])
    odd = [0.0, -0.0, 5e-324, 2.2e-308, 1.7e308]
    for errors in (np.concatenate([spread, near, odd]), near[::61], np.array(odd)):
        assert np.array_equal(bucket_index(errors), np.searchsorted(bucket_edges, errors))
    table = spread.reshape(100, 1000)
    assert np.array_equal(bucket_index(table.T), bucket_index(table).T)
