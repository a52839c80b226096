"""The false-alarm budget, as the user states it."""

import math

import pytest

from monitor.drift.budget import FEWEST_RECORDS, MOST_RECORDS, Budget, Levels


@pytest.mark.parametrize(
    ("text", "rate", "records"),
    [
        ("1 per 30d", 10.0, 30 * 86_400 * 10),
        ("2 per 1w", 100.0, 604_800 * 100 / 2),
        ("1 per 1000000 records", 10.0, 1e6),
        ("1 per 5e6 records", math.inf, 5e6),
        ("1 PER 12 h", 1000.0, 43_200_000),
    ],
)
def test_a_budget_comes_to_records_at_the_streams_rate(
    text: str, rate: float, records: float
) -> None:
    assert Budget.parse(text).records_per_false_alarm(rate) == pytest.approx(records)


@pytest.mark.parametrize("text", ["", "rarely", "1", "0 per 30d", "1 per 0d", "1 per 9 records",
                                  "1 per 30 fortnights", "-1 per 30d"])  # fmt: skip
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"Write N per TIME|more than 0|at most 1 in 1000"):
        Budget.parse(text)


def test_streams_share_a_budget() -> None:
    alone, one_of_four = Budget.parse("1 per 30d"), Budget.parse("1 per 30d", streams=4)
    assert one_of_four.records_per_false_alarm(10) == 4 * alone.records_per_false_alarm(10)


def test_no_rate_leads_out_of_bounds() -> None:
    budget = Budget.parse("1 per 30d")
    assert budget.records_per_false_alarm(0.0) == FEWEST_RECORDS
    assert budget.records_per_false_alarm(1e12) == MOST_RECORDS
    assert FEWEST_RECORDS < budget.records_per_false_alarm(math.inf) < MOST_RECORDS


def test_both_stages_together_keep_the_budget() -> None:
    levels = Levels.of(1e6)
    assert levels.records * levels.odds == pytest.approx(1e6)
    assert levels.records == pytest.approx(1e4)
