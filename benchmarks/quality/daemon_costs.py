"""What a record costs a real daemon with each architecture for vectors, beside the bare client.

    python -m benchmarks.quality.daemon_costs [--values N ...] [--turns N] [--records N]

Daemons on a real Apache Kafka (`make setup-test`) work off the same records in turn, raw float32.
Prints a table, Markdown: microseconds of processor time a record, median of the turns and from
least to most, and times `dense`. Two minutes on two cores.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.bench.daemons import Topic, subject
from benchmarks.bench.end_to_end import WARM_UP_RECORDS, client
from benchmarks.bench.kinds import Kind, vector
from benchmarks.bench.running import Run
from monitor.process import logs

CLIENT = "kafka-python"
ARCHITECTURES = ("dense", "linear", "ladder")


def kinds(values: int) -> dict[str, Kind]:
    """Vectors of so many values, for each architecture."""
    plain = vector(values)
    return {name: replace(plain, architecture=name) for name in ARCHITECTURES}


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
        plain = float(np.median(found["dense"]))
        yield f"| {count} | {' | '.join(_cell(each, plain) for each in found.values())} |"


def _cell(costs: list[float], plain: float) -> str:
    median = float(np.median(costs))
    return f"{median:.1f} ({min(costs):.1f} to {max(costs):.1f}; {median / plain:.2f})"


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--values", type=int, nargs="+", default=[16, 50, 200], metavar="N")
    parser.add_argument("--turns", type=int, default=4, metavar="N")
    parser.add_argument("--records", type=int, default=102_400, metavar="N")
    options = parser.parse_args()
    torch.set_num_threads(1)
    logs.configure("warning", "console")
    with tempfile.TemporaryDirectory() as folder, Run(Path(folder)) as run:
        for line in lines(run, options.values, options.turns, options.records):
            print(line, flush=True)


if __name__ == "__main__":
    main()
