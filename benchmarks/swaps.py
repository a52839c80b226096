"""What it costs to replace the model while records flow at full speed.

    python -m benchmarks.swaps [--swaps 20] [--records 400000]

A daemon with all its parts but Kafka: two real models take turns in its folder, and the follower
loads, tries and offers them while batches are scored. Stretches with a swap and without take
turns, so that a busy machine slows both. At the end every record must be accounted for.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from models import bundle
from models.architectures import build as build_model
from models.input_spec import InputSpec
from models.reference import Reference
from monitor.config import Config
from monitor.daemon.assembly.daemon import build
from monitor.daemon.loop import Daemon
from monitor.daemon.publisher import Publisher
from monitor.process import logs
from monitor.stream.columns import Columns
from monitor.stream.offsets import Assigned, Committed
from monitor.stream.records import Partition
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources import Polled, Position

FEATURES = 64
BATCH = 512
LONGEST_SWAP_SECONDS = 60.0
PARTITION = Partition("tape", 0)


class Tape:
    """A source without an end: the same few records, as many as are asked for."""

    assigned = frozenset([PARTITION])
    connected = True
    fenced = False
    replaced = 0

    def __init__(self, values: Sequence[bytes]) -> None:
        self._values = values
        self._gained = False
        self.next_offset = 0
        self.left = 0
        self.stored = 0

    def poll(self, timeout_seconds: float, max_records: int) -> Polled:
        """Records, up to as many as are left."""
        if not self._gained:
            self._gained = True
            return Polled(assigned={PARTITION: Assigned(None, 0, 2**62)})
        start, count = self.next_offset, min(self.left, max_records)
        self.left -= count
        self.next_offset += count
        values = self._values
        offsets = range(start, start + count)
        return Polled(
            Columns.consecutive(
                PARTITION,
                offsets,
                [1_700_000_000_000 + i for i in offsets],
                [values[i % len(values)] for i in offsets],
                [None] * count,
                [()] * count,
            )
        )

    def commit(self, offsets: Mapping[Partition, Committed]) -> bool:
        """Remember the offset."""
        self.stored = offsets[PARTITION].offset
        return True

    def committed(self, partitions: Iterable[Partition]) -> Mapping[Partition, Committed]:
        """What is remembered, without its note."""
        return {PARTITION: Committed(self.stored)}

    def positions(self) -> Mapping[Partition, Position]:
        """Where it stands."""
        return {PARTITION: Position(self.next_offset, self.next_offset + self.left)}

    def seek(self, partition: Partition, offset: int) -> None:
        """Go on at an offset."""
        self.next_offset = offset

    def membership(self) -> object:
        """There is no group."""
        return self

    def on_leaving(self, hand_over: Callable[[frozenset[Partition]], None]) -> None:
        """Nothing ever leaves."""

    def on_survey(self, tell: Callable[[Mapping[Partition, int]], None]) -> None:
        """`positions` says it all."""

    def unreadable(self) -> Mapping[Partition, str]:
        """Nothing is."""
        return {}

    def tend(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to close."""


@dataclass
class Stretch:
    """Seconds of every batch, and records, of all stretches of a kind."""

    seconds: list[float] = field(default_factory=list)
    records: int = 0

    def row(self, name: str) -> str:
        """A line of the table."""
        times = 1000 * np.array(self.seconds)
        numbers = (*np.quantile(times, (0.5, 0.99)), times.max())
        cells = [f"{value:.2f}" for value in numbers]
        rate = self.records / sum(self.seconds)
        return f"| {name} | {len(times):,} | {rate:,.0f} | {' | '.join(cells)} |"


@dataclass
class Result:
    """calm: without swaps. swapping: with them. stopped_seconds: for which reading stopped, of
    all swaps. scored: records that the ledger counts; given: those that there were.
    """

    calm: Stretch
    swapping: Stretch
    swaps: int
    stopped_seconds: float
    scored: int
    given: int

    def __str__(self) -> str:
        mean = 1000 * self.stopped_seconds / max(1, self.swaps)
        return "\n".join(
            [
                "| | batches | records/s | p50 ms | p99 ms | max ms |",
                "| --- | --- | --- | --- | --- | --- |",
                self.calm.row("without swaps"),
                self.swapping.row(f"with {self.swaps} swaps"),
                "",
                f"reading stopped for {mean:.1f} ms a swap;"
                f" {self.scored:,} of {self.given:,} records scored once",
            ]
        )


def save(folder: Path, seed: int) -> None:
    """A small model; its errors on the records of `values` set its reference."""
    torch.manual_seed(seed)
    spec = InputSpec((FEATURES,), "vector", "float32", (0.0,) * FEATURES, (1.0,) * FEATURES)
    model = build_model("dense", spec, {}).eval()
    x = torch.from_numpy(np.random.default_rng(9).normal(size=(5_000, FEATURES))).float()
    with torch.inference_mode():
        errors = ((model(x) - x) ** 2).mean(1).numpy()
    bundle.save(
        folder,
        model=model,
        input_spec=spec,
        reference=Reference.calibrate(errors, ordered=True),
        error_metric="mse",
        metadata={"created": "2024-01-01T00:00:00+00:00"},
    )


def values() -> list[bytes]:
    """Payloads as in calibration."""
    rows = np.random.default_rng(0).normal(size=(20_000, FEATURES)).astype(np.float32)
    return [row.tobytes() for row in rows]


def daemon_of(folder: Path, tape: Tape) -> Daemon:
    """A daemon on the tape, its model a link in the folder."""
    config = Config.model_validate(
        {
            "model": folder / "model",
            "threads": 1,
            "kafka": {"topic": "tape"},
            "codec": {"name": "raw"},
            "batch": {"max_records": BATCH},
            "reload": {"follow": False},
            "state": {"directory": folder / "state"},
            "http": {"port": 0},
        }
    )
    stopping = threading.Event()
    parts = build(config, stopping).parts
    publisher = Publisher(MemorySink(), parts.metrics)
    return Daemon(replace(parts, source=tape, publisher=publisher), stopping)


def measure(swaps: int, records: int) -> Result:
    """So many swaps, and about so many records, half of them in stretches without a swap."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for number in (0, 1):
            save(folder / str(number), number)
        _put(folder, 0)
        tape = Tape(values())
        subject = daemon_of(folder, tape)
        if subject.parts.follower is None:
            raise RuntimeError("the daemon has no follower")
        subject.parts.follower.start()
        try:
            return _measure(subject, tape, folder, swaps, records // (2 * swaps))
        finally:
            subject._close()


def _measure(subject: Daemon, tape: Tape, folder: Path, swaps: int, records: int) -> Result:
    _stretch(subject, tape, 20 * BATCH, Stretch())
    calm, swapping = Stretch(), Stretch()
    for number in range(1, swaps + 1):
        _stretch(subject, tape, records, calm)
        before = subject.model.version
        _put(folder, number % 2)
        subject.look()
        _stretch(subject, tape, records, swapping, partial(_differs, subject, before))
    subject._drain()
    sample = subject.parts.metrics.registry.get_sample_value
    (totals,) = subject.parts.pipeline.ledger.totals.values()
    if tape.stored != totals.next_offset:
        raise AssertionError(f"{tape.stored} committed, but {totals.next_offset} counted")
    return Result(
        calm,
        swapping,
        int(sample("aead_monitor_model_swaps_total") or 0),
        sample("aead_monitor_model_swap_seconds_sum") or 0.0,
        totals.scored,
        tape.next_offset,
    )


def _put(folder: Path, number: int) -> None:
    """Set the link to one of the two models, at once."""
    fresh = folder / "fresh"
    fresh.symlink_to(str(number))
    fresh.replace(folder / "model")


def _stretch(
    subject: Daemon,
    tape: Tape,
    records: int,
    kind: Stretch,
    done: Callable[[], bool] = lambda: True,
) -> None:
    """Work on at least so many records, and until it is done; records never run out before."""
    tape.left = records
    deadline = time.monotonic() + LONGEST_SWAP_SECONDS
    while tape.left or not done():
        if time.monotonic() > deadline:
            raise TimeoutError("the model was not replaced")
        tape.left = max(tape.left, 0 if done() else BATCH)
        before = tape.next_offset
        started = time.perf_counter()
        subject.turn()
        kind.seconds.append(time.perf_counter() - started)
        kind.records += tape.next_offset - before


def _differs(subject: Daemon, version: str) -> bool:
    """Whether another model is in use by now."""
    return subject.model.version != version


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--swaps", type=int, default=20)
    parser.add_argument("--records", type=int, default=400_000)
    options = parser.parse_args()
    logs.configure("warning", "console")
    print(measure(options.swaps, options.records))


if __name__ == "__main__":
    main()
