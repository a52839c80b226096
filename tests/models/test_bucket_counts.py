"""Sparse counts: the same as the dense ones, in any grouping."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.bucket_counts import BucketCounts
from models.distribution import ErrorDistribution

errors = st.lists(st.one_of(st.floats(0, 1e15), st.just(0.0)), max_size=80)


@given(errors)
def test_they_hold_what_a_distribution_holds(values: list[float]) -> None:
    counts = BucketCounts.from_errors(values)
    assert counts.distribution() == ErrorDistribution.from_errors(values)
    assert counts.total == len(values)
    assert np.all(np.diff(counts.buckets) > 0)


@given(st.lists(errors, max_size=6), st.randoms())
def test_merging_is_counting_together_in_any_order(parts: list[list[float]], random) -> None:
    whole = BucketCounts.from_errors([value for part in parts for value in part])
    random.shuffle(parts)
    counts = [BucketCounts.from_errors(part) for part in parts]
    assert BucketCounts.merged(counts) == whole
    left = BucketCounts.merged([BucketCounts.merged(counts[:3]), BucketCounts.merged(counts[3:])])
    assert left == whole
