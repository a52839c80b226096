"""The table of slow streams, short."""

from __future__ import annotations

from benchmarks.slow_streams import measured


def test_a_drift_is_found_once_at_each_rate() -> None:
    # For five seconds nothing is concluded: 500 records at 100 a second.
    for name, within in (("100 a second", 700), ("1 a minute", 300)):
        told = measured(name, 2.0, seeds=2, rows=1000)
        assert len(told.delays) == told.events["firing"] == 2
        assert told.events["resolved"] == 0
        assert max(told.delays) < within
        assert told.line().startswith(f"| x2 | {name} | 2 of 2 |")
