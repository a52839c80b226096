"""The table of slow streams, short."""

from __future__ import annotations

from benchmarks.slow_streams import measured


def test_a_drift_is_found_once_at_each_rate() -> None:
    for name in ("100 a second", "1 a minute"):
        told = measured(name, 2.0, seeds=2, rows=500)
        assert len(told.delays) == told.events["firing"] == 2
        assert told.events["resolved"] == 0
        assert max(told.delays) < 300
        assert told.line().startswith(f"| x2 | {name} | 2 of 2 |")
