"""Swaps at full speed: every record is accounted for, and the table says so."""

from benchmarks.swaps import BATCH, measure


def test_no_record_is_lost_or_counted_twice_while_models_take_turns() -> None:
    result = measure(swaps=3, records=13 * BATCH)
    assert result.swaps == 3
    assert result.scored == result.given >= 12 * BATCH
    assert len(result.calm.seconds) >= 6
    assert 0 < result.stopped_seconds < sum(result.swapping.seconds)
    assert "records scored once" in str(result)
