"""A simulation tells what the judge does on fresh draws of the same law."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.reference import Reference
from monitor.commands.simulate import report
from monitor.drift.budget import Budget
from monitor.drift.judge import Judge
from monitor.drift.simulation import (
    CHANGES,
    VERSION,
    Delays,
    Errors,
    FalseAlarms,
    Simulation,
    feed,
    in_stream_order,
)
from tests.monitor.builders import SETTINGS, normal_errors

RATE, BEFORE, AFTER = 500.0, 20_480, 12_000
UNORDERED = Reference.calibrate(normal_errors(5000, seed=21))
ORDERED = Reference.calibrate(normal_errors(5000, seed=21), ordered=True)
STRICT = replace(SETTINGS, budget=Budget.parse("1 per 1e6 records"))


def simulation(reference: Reference) -> Simulation:
    errors = reference.errors if reference.in_order is None else reference.in_order
    return Simulation(reference, STRICT, errors, 256, RATE)


def delay(reference: Reference, stream: Errors) -> float:
    judge = Judge(VERSION, reference, STRICT)
    found = (rows for rows, c in feed(judge, stream, RATE) if c.transition.event == "firing")
    return next((float(rows - BEFORE) for rows in found if rows > BEFORE), float("inf"))


@pytest.mark.parametrize("reference", [UNORDERED, ORDERED], ids=["unordered", "ordered"])
def test_false_alarms_are_those_of_fresh_draws_of_the_law(reference: Reference) -> None:
    simulated = simulation(reference).false_alarms(300_000, seed=0)
    judge = Judge(VERSION, reference, STRICT)
    fresh = [c.transition.event for _, c in feed(judge, normal_errors(300_000, seed=22), RATE)]
    assert simulated.alarms == fresh.count("firing") == 0
    # Suspected once in 10,000 records at most.
    assert simulated.suspicions <= 30
    assert fresh.count("transient") <= 30


@pytest.mark.parametrize("reference", [UNORDERED, ORDERED], ids=["unordered", "ordered"])
@pytest.mark.parametrize("change", ["1.5 times larger", "2 times larger", "stuck at one value"])
def test_delays_are_those_of_fresh_draws_of_the_law(reference: Reference, change: str) -> None:
    simulated = np.array(list(simulation(reference).delays(change, 9, seed=1)))
    fresh = []
    for seed in range(9):
        rng = np.random.default_rng(seed)
        before = normal_errors(BEFORE, 100 + seed)
        after = CHANGES[change](normal_errors(AFTER, 200 + seed), rng)
        fresh.append(delay(reference, np.concatenate([before, after])))
    assert np.isfinite(simulated).all()
    assert np.isfinite(fresh).all()
    assert 0.5 <= np.median(simulated) / np.median(fresh) <= 2


def test_errors_that_were_sorted_are_not_in_the_order_of_a_stream() -> None:
    errors = normal_errors(1000, seed=23)
    assert in_stream_order(errors)
    assert not in_stream_order(np.sort(errors))
    assert not in_stream_order(np.sort(errors)[::-1])
    assert in_stream_order(np.sort(errors)[:5])


def test_a_suspicion_that_became_the_alarm_did_not_pass() -> None:
    errors = normal_errors(4000, seed=24)
    wrong = Simulation(ORDERED, STRICT, 2 * errors, 256, RATE)
    found = wrong.false_alarms(20_000, seed=2)
    assert found == FalseAlarms(20_000, 0, 1)


def test_the_report_says_that_errors_were_drawn_one_by_one() -> None:
    found = [Delays("2 times larger", np.array([100.0]))]
    quiet = FalseAlarms(1000, 0, 0)
    said = report(quiet, found, simulation(UNORDERED))
    assert "drawn one by one, since their order is not known" in said
    assert "one by one" not in report(quiet, found, simulation(ORDERED))


def test_delays_of_a_seed_stay_what_they_were() -> None:
    assert list(simulation(UNORDERED).delays("1.5 times larger", 4, 1)) == [580, 420, 946, 410]
    assert list(simulation(ORDERED).delays("5% of records 5 times", 4, 1)) == [
        11780, 4580, 12978, 31706,
    ]  # fmt: skip
