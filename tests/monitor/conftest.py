"""Fixtures of the tests of the daemon's parts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from monitor.process import failpoints
from tests.monitor.daemon.crashes import Crash, Run, Starter


@pytest.fixture
def crash(monkeypatch: pytest.MonkeyPatch) -> Crash:
    """Ends daemons where the test says."""
    crash = Crash()
    monkeypatch.setattr(failpoints, "obey", crash)
    return crash


@pytest.fixture
def start() -> Iterator[Run]:
    """Starts daemons over a state folder; the one before is dead by then."""
    starter = Starter()
    yield starter
    starter.bury()
