"""The highest errors of every stretch are kept, however long the stream is."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.backtest.strangest import EACH, FEWEST_RECORDS, PIECES, Strangest
from monitor.stream.columns import Columns
from monitor.stream.records import Record, Scores

VERSION = "0" * 16


def given_to(kept: Strangest, errors: NDArray[np.float64], batch: int) -> None:
    """Give one row a record, in batches."""
    for first in range(0, len(errors), batch):
        part = errors[first : first + batch]
        records = Columns.of(Record("t", 0, first + i, i, None, b"") for i in range(len(part)))
        scores = Scores(part, lambda errors: np.full(errors.size, 0.5), part > 1, VERSION)
        kept.before = first
        counts = np.ones(len(part), dtype=np.int64)
        assert kept.pick(records, counts, part[:, None], scores) == ()


def errors_of(seed: int, count: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).exponential(size=count)


@given(st.integers(0, 100), st.integers(1, 3000), st.integers(1, 700))
def test_the_highest_of_all_are_known(seed: int, count: int, batch: int) -> None:
    errors = errors_of(seed, count)
    kept = Strangest(VERSION, 1.0, contents=True)
    given_to(kept, errors, batch)
    found = kept.within(0, count, EACH)
    expected = np.argsort(-errors, kind="stable")[:EACH].tolist()
    assert [each.number for each in found] == expected
    assert [each.seen.offset for each in found] == expected
    for each in found:
        assert each.seen.sample is not None
        assert each.seen.sample.item() == each.seen.error == errors[each.number]


def test_the_batches_do_not_matter_and_pieces_are_bounded() -> None:
    count = 4 * PIECES * FEWEST_RECORDS + 77
    errors = errors_of(0, count)
    made = []
    for batch in (500, 2048):
        kept = Strangest(VERSION, 1.0, contents=False)
        given_to(kept, errors, batch)
        assert len(kept._pieces) <= PIECES
        made.append([each.number for each in kept.within(0, count, count)])
        assert all(each.seen.sample is None for each in kept.within(0, count, count))
    assert made[0] == made[1]
    first, end = 40_000, 41_500
    highest = first + int(errors[first:end].argmax())
    assert kept.within(first, end, 1)[0].number == highest


def test_rows_too_large_are_kept_without_what_they_hold() -> None:
    kept = Strangest(VERSION, 1.0, contents=True)
    records = Columns.of([Record("t", 0, 0, 5, b"k", b"")])
    scores = Scores(np.array([2.0]), np.ones_like, np.array([True]), VERSION)
    kept.pick(records, np.array([1]), np.zeros((1, 200_000)), scores)
    (only,) = kept.within(0, 1, 5)
    assert only.seen.sample is None
    assert (only.seen.key, only.seen.timestamp) == ("k", 5)


def test_rows_of_a_record_are_counted_within_it() -> None:
    kept = Strangest(VERSION, 1.0, contents=False)
    records = Columns.of([Record("t", 0, 7, 0, None, b""), Record("t", 0, 8, 0, None, b"")])
    scores = Scores(np.array([1.0, 2.0, 3.0]), np.ones_like, np.ones(3, dtype=np.bool_), VERSION)
    kept.pick(records, np.array([1, 2]), np.zeros((3, 1)), scores)
    found = kept.within(0, 2, 5)
    assert [(each.seen.offset, each.seen.row) for each in found] == [(8, 1), (8, 0), (7, 0)]
