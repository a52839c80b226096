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
    liveness.beat()
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


def test_a_loop_that_hangs_though_nothing_waits_is_not_healthy(clock: Clock) -> None:
    """As in a checkpoint, with a disk that hangs and no lag before it."""
    liveness = Liveness(60, clock)
    liveness.beat()
    clock.now += 61
    assert liveness.stalled_seconds == 61


def test_a_loop_that_hangs_is_not_ready_either(clock: Clock) -> None:
    liveness, status = Liveness(60, clock), {"ready": True}
    app = build_app(CollectorRegistry(), lambda: status, lambda: liveness.stalled_seconds)
    client = TestClient(app)
    liveness.beat()
    assert client.get("/-/ready").status_code == 200
    clock.now += 61
    assert client.get("/-/ready").status_code == 503
    assert "hung for 61 s" in client.get("/-/ready").text


def test_what_has_not_begun_to_turn_is_starting(clock: Clock) -> None:
    liveness = Liveness(60, clock)
    clock.now += 10_000
    assert liveness.stalled_seconds == 0
