"""The measurements of segments, in their short form: what docs/segments.md promises holds."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import segments
from benchmarks.segments import Stream, drawn


@pytest.mark.slow
def test_a_million_records_in_control_keep_the_budget_of_all_together() -> None:
    stream, rng = Stream(0, rate=50_000.0), np.random.default_rng(0)
    stream.watch(*drawn(rng, 1_000_000))
    assert len(stream.told) <= 1


def test_what_drifts_and_what_is_silent_is_found_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    segments.found(seeds=1, after=60_000)
    told = capsys.readouterr().out
    assert "firing: 2 of 2" in told
    assert "silent: 1 of 1" in told
    assert "wrong: {}" in told


def test_the_cost_is_told_for_both_sizes_of_batches(capsys: pytest.CaptureFixture[str]) -> None:
    segments.cost(rounds=1, rows=8192)
    told = capsys.readouterr().out
    assert "256 rows a batch:" in told
    assert "4096 rows a batch:" in told
