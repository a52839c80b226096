"""In-control streams of correlated channels stay calm, and no bet gains on them."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from monitor.drift.channels import rank_bets
from tests.monitor.builders import normal_errors
from tests.monitor.drift.channels.tables import D, Values, channels_of, events, feed, judge, values

ROWS = 100_000
Draw = Callable[[np.random.Generator, int], Values]

STREAMS: dict[str, Draw] = {
    "independent": lambda rng, n: values(rng, n, rho=0.0),
    "one factor": lambda rng, n: values(rng, n, rho=0.9),
    "dependent in time": lambda rng, n: values(rng, n, rho=0.5, lag=0.9),
    "heavy tails": lambda rng, n: rng.standard_cauchy((n, 2 * D)).astype(np.float32),
    "few values": lambda rng, n: rng.poisson(1.5, (n, 2 * D)).astype(np.float32),
    "rare ones": lambda rng, n: (rng.random((n, 2 * D)) < 0.003).astype(np.float32),
}


@pytest.mark.parametrize("name", STREAMS)
def test_an_in_control_stream_never_fires(name):
    draw = STREAMS[name]
    subject = judge(channels_of(draw(np.random.default_rng(11), 20_000)))
    found = feed(subject, normal_errors(ROWS, 12), draw(np.random.default_rng(13), ROWS))
    assert "firing" not in events(found)


def test_without_ordered_calibration_dependence_is_learned_and_the_stream_stays_calm():
    rng = np.random.default_rng(14)
    subject = judge(channels_of(values(rng, 5000, lag=0.9), ordered=False))
    assert subject.verdict.state == "learning"
    found = feed(subject, normal_errors(110_000, 15), values(rng, 110_000, lag=0.9))
    assert events(found) == ["ready"]


def _gaps(law: Callable[..., np.ndarray], edges: np.ndarray) -> np.ndarray:
    return np.diff(law(edges), axis=1, prepend=0, append=1)


LAWS = {
    "normal": (lambda rng, n: rng.standard_normal((2 * D, n)), stats.norm.cdf),
    "few values": (lambda rng, n: rng.poisson(2, (2 * D, n)),
                   lambda edges: stats.poisson.cdf(np.floor(edges), 2)),
}  # fmt: skip


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("count", [1000, 5000])
def test_no_bet_has_a_mean_above_1_under_the_law_of_the_calibration(law, count):
    draw, distribution = LAWS[law]
    for seed in range(10):
        drawn = draw(np.random.default_rng([seed, count]), count).astype(np.float32)
        bets = rank_bets.build(channels_of(drawn.T), 0.05)
        shares = _gaps(distribution, bets.edges.astype(np.float64))
        means = np.einsum("ck,ckb->cb", shares, np.exp(bets.log_factors))
        assert means.max() <= 1


@pytest.mark.parametrize("shift", [-0.0487, 0.0487])
def test_no_bet_gains_on_a_shift_within_the_tolerance(shift):
    drawn = np.random.default_rng(1).standard_normal((2 * D, 20_000)).astype(np.float32)
    bets = rank_bets.build(channels_of(drawn.T), 0.05)
    shares = _gaps(lambda edges: stats.norm.cdf(edges - shift), bets.edges.astype(np.float64))
    assert np.einsum("ck,ckb->cb", shares, np.exp(bets.log_factors)).max() <= 1


def test_too_few_calibration_records_are_refused():
    with pytest.raises(ValueError, match="channels need 200 calibration records or more, got 150"):
        judge(channels_of(values(np.random.default_rng(0), 150)))
