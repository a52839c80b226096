"""Lag is what the brokers say, and not known where they have not said it for a while."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from monitor.daemon.lag import UNKNOWN_SECONDS, Lag, Lags, Place
from monitor.metrics import Metrics
from monitor.stream.records import Partition

P0, P1 = Partition("in", 0), Partition("in", 1)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry(), (0.5,))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lag(metrics: Metrics, clock: Clock) -> Lag:
    made = Lag(clock, clock)
    metrics.lag.now = made.now
    return made


def places(**changes: int) -> dict[Partition, Place]:
    values = {"next_offset": 100, "held": 0, "newest": -1, "end": 100} | changes
    return {P0: Place(**values), P1: Place(**values)}


def records(lags: Lags) -> dict[Partition, int]:
    return {partition: behind for partition, (behind, _) in lags.items()}


def exported(metrics: Metrics, partition: Partition) -> float | None:
    labels = {"topic": partition.topic, "partition": str(partition.number)}
    return metrics.registry.get_sample_value("aead_monitor_consumer_lag_records", labels)


def test_it_grows_while_nothing_is_read(lag: Lag, metrics: Metrics) -> None:
    lag.decided(places())
    lag.survey({P0: 130, P1: 100})
    assert (exported(metrics, P0), exported(metrics, P1)) == (30, 0)
    assert records(lag.decided(places(held=5))) == {P0: 35, P1: 5}


def test_zero_is_not_said_of_a_partition_whose_broker_is_silent(
    lag: Lag, metrics: Metrics, clock: Clock
) -> None:
    lag.survey({P0: 100, P1: 100})
    assert records(lag.decided(places())) == {P0: 0, P1: 0}
    clock.now += UNKNOWN_SECONDS + 1
    lag.survey({P0: 100})
    assert records(lag.decided(places())) == {P0: 0}
    assert exported(metrics, P1) is None
    lag.survey({P0: 100, P1: 140})
    assert records(lag.decided(places())) == {P0: 0, P1: 40}


def test_zero_is_not_said_for_ever_when_nobody_brings_it_up_to_date(
    lag: Lag, metrics: Metrics, clock: Clock
) -> None:
    """The run loop waits in a commit while the brokers move, and the survey finds none of them."""
    lag.survey({P0: 100, P1: 130})
    lag.decided(places())
    assert (exported(metrics, P0), exported(metrics, P1)) == (0, 30)
    clock.now += UNKNOWN_SECONDS + 1
    assert (exported(metrics, P0), exported(metrics, P1)) == (None, 30)
    assert records(lag.now()) == {P1: 30}


def test_its_age_goes_on_by_itself(lag: Lag, metrics: Metrics, clock: Clock) -> None:
    clock.now = 10.0
    lag.survey({P0: 110, P1: 100})
    lag.decided(places(newest=4000))
    clock.now += 3
    labels = {"topic": "in", "partition": "0"}
    assert metrics.registry.get_sample_value("aead_monitor_consumer_lag_seconds", labels) == 9


def test_what_is_known_to_wait_is_said_even_so(lag: Lag, clock: Clock) -> None:
    lag.decided(places())
    lag.survey({P0: 100, P1: 120})
    clock.now += UNKNOWN_SECONDS + 1
    lag.survey({P0: 100})
    assert records(lag.decided(places())) == {P0: 0, P1: 20}


def test_a_new_partition_has_its_time(lag: Lag, clock: Clock) -> None:
    lag.survey({})
    clock.now += 100
    assert records(lag.decided(places())) == {P0: 0, P1: 0}
    clock.now += UNKNOWN_SECONDS + 1
    assert records(lag.decided(places())) == {}


def test_without_a_survey_what_was_fetched_is_all_there_is(lag: Lag, clock: Clock) -> None:
    lag.decided(places())
    clock.now += 1000
    assert records(lag.decided(places(end=110))) == {P0: 10, P1: 10}
    assert records(lag.decided(places())) == {P0: 0, P1: 0}
