"""What a record costs a real daemon with each architecture for vectors, beside the bare client.

    python -m benchmarks.quality.daemon_costs [--values N ...] [--turns N] [--records N]

Daemons on a real Apache Kafka (`make setup-test`) work off the same records in turn, raw float32;
each of them finds as many anomalies, one record in a thousand.
Prints a table, Markdown: microseconds of processor time a record, median of the turns and from
least to most, and times `dense`. Two minutes on two cores.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.bench.daemons import POOL, Topic, subject
from benchmarks.bench.end_to_end import WARM_UP_RECORDS, client
from benchmarks.bench.kinds import Kind, vector
from benchmarks.bench.running import Run
from monitor.process import logs

CLIENT = "kafka-python"
Floats = NDArray[np.float64]
ARCHITECTURES = ("dense", "linear", "ladder")


@dataclass(frozen=True)
class Alike(Kind):
    """A kind of which each architecture finds as many anomalies: an anomaly costs far more than a
    normal record, and among other rows than these one network has none where another has ten.
    """

    def known(self) -> Tensor:
        """The rows that are sent."""
        return self.prepared(POOL)


def kinds(values: int) -> dict[str, Kind]:
    """Vectors of so many values, for each architecture."""
    plain = vector(values)
    return {
        name: Alike(plain.name, plain.shape, plain.dtype, plain.codec, name)
        for name in ARCHITECTURES
    }


def microseconds(run: Run, values: int, turns: int, records: int) -> dict[str, list[float]]:
    """Processor time a record of the bare client and of each daemon, by turn."""
    topic = Topic(run.broker.bootstrap_servers, vector(values), 4)
    topic.fill(WARM_UP_RECORDS)
    found: dict[str, list[float]] = {CLIENT: []}
    with ExitStack() as stack:
        daemons = {
            name: stack.enter_context(
                subject(
                    topic,
                    kind,
                    run.fresh_folder(f"{values}-{name}"),
                    {"kafka": {"client": CLIENT, "group": f"{topic.name}-{name}"}},
                )
            )
            for name, kind in kinds(values).items()
        }
        for _ in range(turns):
            topic.fill(records)
            found[CLIENT].append(client(CLIENT, topic, records).processor)
            for name, daemon in daemons.items():
                found.setdefault(name, []).append(daemon.work_off(records).processor)
    return found


def lines(run: Run, values: list[int], turns: int, records: int) -> Iterator[str]:
    """The table, as it is measured."""
    names = (CLIENT, *ARCHITECTURES)
    yield f"| values | {' | '.join(names)} |\n| --- |{' ---: |' * len(names)}"
    for count in values:
        found = microseconds(run, count, turns, records)
        plain = np.array(found["dense"])
        yield f"| {count} | {' | '.join(_cell(np.array(each), plain) for each in found.values())} |"


def _cell(costs: Floats, plain: Floats) -> str:
    """The clock of a processor swings from turn to turn: what is divided is of one turn."""
    times = np.median(costs / plain)
    return f"{np.median(costs):.1f} ({costs.min():.1f} to {costs.max():.1f}; {times:.2f})"


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--values", type=int, nargs="+", default=[16, 50, 200], metavar="N")
    parser.add_argument("--turns", type=int, default=6, metavar="N")
    parser.add_argument("--records", type=int, default=204_800, metavar="N")
    options = parser.parse_args()
    torch.set_num_threads(1)
    logs.configure("warning", "console")
    with tempfile.TemporaryDirectory() as folder, Run(Path(folder)) as run:
        for line in lines(run, options.values, options.turns, options.records):
            print(line, flush=True)


if __name__ == "__main__":
    main()
