"""Dependence between neighbours: measured where there is some, and nowhere else."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from models.distribution import bucket_index
from models.reference import Reference
from monitor.drift.detectors.bets import Bets, build
from monitor.drift.detectors.dependence import UNKNOWN, Dependence, estimate, from_ordered


def chain(rho: float, n: int, seed: int) -> NDArray[np.float64]:
    """Lognormal errors whose logarithms are AR(1) with unit variance."""
    noise = np.random.default_rng(seed).normal(size=n) * np.sqrt(1 - rho**2)
    noise[0] /= np.sqrt(1 - rho**2)
    return np.exp(signal.lfilter([1.0], [1.0, -rho], noise))


@pytest.fixture(scope="module")
def bets() -> Bets:
    return build(Reference.calibrate(chain(0, 20_000, seed=1)), 0.05)


def blocks(bets: Bets, errors: NDArray[np.float64], rows: int = 256) -> NDArray[np.float64]:
    bins = bets.bin_of_bucket[bucket_index(errors)].reshape(-1, rows)
    return np.stack([np.bincount(b, minlength=bets.bins) for b in bins]).astype(float)


def median_like(bets: Bets) -> NDArray[np.bool_]:
    """Bets on small changes of scale: nearly linear in the logarithm of the error."""
    return np.array([a.kind == "scale" and a.size <= 1.5 for a in bets.alternatives])


def test_independent_errors_are_nearly_always_found_to_be() -> None:
    inflated = 0
    shared = build(Reference.calibrate(chain(0, 20_000, seed=1)), 0.05)
    for seed in range(40):
        found = estimate(shared, blocks(shared, chain(0, 256 * 400, 100 + seed)), caution=1.0)
        inflated += bool(found.max() > 1)
    assert inflated <= 6


@pytest.mark.parametrize("rho", [0.3, 0.9, 0.98])
def test_an_autoregression_is_measured_within_a_quarter(bets: Bets, rho: float) -> None:
    found = estimate(bets, blocks(bets, chain(rho, 256 * 2000, seed=2)), caution=0.0)
    truth = (1 + rho) / (1 - rho)
    assert found[median_like(bets)] == pytest.approx(truth, rel=0.25)


@pytest.mark.parametrize("rho", [0.0, 0.9])
def test_a_jump_in_the_middle_hardly_matters(bets: Bets, rho: float) -> None:
    errors = chain(rho, 256 * 800, seed=3)
    plain = estimate(bets, blocks(bets, errors), caution=0.0)
    errors[256 * 400 :] *= 1.5
    jumped = estimate(bets, blocks(bets, errors), caution=0.0)
    assert np.median(jumped / plain) < 1.5


def test_too_few_ordered_errors_tell_nothing(bets: Bets) -> None:
    assert from_ordered(bets, chain(0.9, 64 * 16 - 1, seed=4)) is None
    assert from_ordered(bets, chain(0.9, 64 * 16, seed=4)) is not None


def test_before_100_000_records_dependence_is_bounded_then_known(bets: Bets) -> None:
    subject = Dependence(bets)
    assert not subject.known
    assert np.all(subject.inflation == UNKNOWN)
    known_after = None
    for number, block in enumerate(blocks(bets, chain(0, 64 * 1800, seed=5), rows=64), 1):
        subject.add(block, 64, ended_by_time=False)
        if number == 64:
            assert 1 <= subject.inflation.max() < UNKNOWN
        if subject.known and known_after is None:
            known_after = 64 * number
    assert known_after is not None
    assert 100_000 <= known_after <= 110_000
    assert subject.progress == 1
    assert subject.inflation.max() < 1.5


def test_what_is_forgotten_was_never_learned(bets: Bets) -> None:
    calm = blocks(bets, chain(0, 256 * 300, seed=6))
    drift = blocks(bets, 3 * chain(0.95, 256 * 60, seed=7))
    straight, disturbed = (
        Dependence(bets, np.ones(len(bets.means))),
        Dependence(bets, np.ones(len(bets.means))),
    )
    for block in calm:
        straight.add(block, 256, ended_by_time=False)
        disturbed.add(block, 256, ended_by_time=False)
    for block in drift:
        disturbed.add(block, 256, ended_by_time=False)
    disturbed.forget_recent()
    assert len(disturbed.state()["blocks"]) == len(calm) - 4
    assert np.array_equal(disturbed.state()["blocks"], straight.state()["blocks"][:-4])
    assert np.all(disturbed.inflation == 1)
