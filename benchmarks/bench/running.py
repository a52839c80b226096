"""A run of the benchmark: how much is measured, and the broker that its groups share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from benchmarks.bench.lines import Result
from benchmarks.bench.machine import load
from tests.kafka.broker import Broker

T = TypeVar("T")


@dataclass
class Run(AbstractContextManager["Run"]):
    """short: a form of some minutes, whose figures are rough. folder: for models, topics, logs.

    running: a broker to use; without it, one is started when it is needed.
    """

    folder: Path
    short: bool = False
    running: Broker | None = None
    loads: list[float] = field(default_factory=lambda: [load()])

    def __post_init__(self) -> None:
        self._closing = ExitStack()

    @property
    def turns(self) -> int:
        """How often each thing takes its turn."""
        return 2 if self.short else 5

    @property
    def seconds(self) -> float:
        """Processor time of one thing in one turn."""
        return 0.1 if self.short else 0.4

    def records(self, full: int) -> int:
        """So many records, fewer in the short form; a multiple of 256 for all partitions."""
        return max(256, (full // 10 if self.short else full) // 256 * 256)

    @property
    def broker(self) -> Broker:
        """A broker that runs."""
        if self.running is None:
            self.running = Broker(self.fresh_folder("kafka"))
            self._closing.callback(self.running.kill)
            self.running.start()
        return self.running

    def fresh_folder(self, name: str) -> Path:
        """A new folder."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        return folder

    def each(self, things: Iterable[T], name: Callable[[T], str]) -> Iterator[T]:
        """The things, each told on stderr; the machine's load is noted after each."""
        for thing in things:
            print(f"  {name(thing)}", file=sys.stderr, flush=True)
            yield thing
            self.loads.append(load())

    def __exit__(self, *exception: object) -> None:
        self._closing.close()


Measure = Callable[[Run], Result]
"""A group of measurements."""
