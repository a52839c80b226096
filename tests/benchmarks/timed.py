"""Work of a known cost and what is measured of it, to be run in a process of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.bench.measuring import Cost, StageClock, cost


@dataclass(frozen=True)
class Burning:
    """Costs so much processor time with each batch."""

    seconds: float

    def __call__(self, batch: object = None) -> None:
        """Work, until it is gone."""
        end = time.process_time() + self.seconds
        while time.process_time() < end:
            pass


def of_work(seconds: float, records: int) -> Cost:
    """What is measured of work that takes so much for so many records."""
    burning = Burning(seconds)

    def call() -> int:
        burning()
        return records

    return cost(call)


def of_waiting(seconds: float) -> Cost:
    """What is measured of a record that waits."""
    return cost(lambda: time.sleep(seconds) or 1)


def of_stage(name: str, stages: tuple[tuple[str, float], ...]) -> Cost:
    """What a clock of one stage measures of a record. stages: name and seconds of each."""
    clock = StageClock(name)

    def call() -> int:
        for stage, seconds in stages:
            with clock.stage(stage):
                Burning(seconds)()
        return 1

    return cost(call, clock=clock)
