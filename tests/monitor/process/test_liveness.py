"""/-/healthy fails when the loop hangs while there is work, and the log tells where."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from monitor.process.liveness import Liveness
from monitor.web.app import build_app


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_loop_that_hangs_with_records_waiting_is_not_healthy_and_its_stacks_are_logged(
    clock: Clock,
) -> None:
    liveness = Liveness(60, clock)
    client = TestClient(build_app(CollectorRegistry(), dict, lambda: liveness.stalled_seconds))
    liveness.beat(lag=5)
    clock.now += 59
    assert client.get("/-/healthy").status_code == 200
    clock.now += 2
    with capture_logs() as logs:
        answers = [client.get("/-/healthy") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503] * 3
    assert "hung for 61 s" in answers[0].text
    assert len(logs) == 1
    assert "MainThread" in logs[0]["threads"]
    assert "test_liveness.py" in logs[0]["threads"]
    liveness.beat()
    assert client.get("/-/healthy").status_code == 200


def test_a_batch_that_never_ends_counts_as_work(clock: Clock) -> None:
    liveness = Liveness(60, clock)
    liveness.beat(lag=0)
    liveness.busy()
    clock.now += 61
    assert liveness.stalled_seconds == 61


def test_silence_without_work_is_healthy(clock: Clock) -> None:
    liveness = Liveness(60, clock)
    liveness.beat(lag=0)
    clock.now += 10_000
    assert liveness.stalled_seconds == 0
