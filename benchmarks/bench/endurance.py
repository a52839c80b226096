"""Ten million records through one daemon: does it stay as fast, and as small?"""

from __future__ import annotations

from benchmarks.bench import bare
from benchmarks.bench.daemons import Topic, resident, subject
from benchmarks.bench.end_to_end import client
from benchmarks.bench.kinds import vector
from benchmarks.bench.lines import Cell, Line, Result, Table
from benchmarks.bench.running import Run

TITLE = "ten million records of 16 float32 through one daemon"
FEATURES, PARTITIONS = 16, 4
MILLION = 1_000_000 // 256 * 256
TURNS, SHORT_TURNS = 10, 3
MIB = 2**20
HEADER = ("million", "ours, us", "bare client, us", "ours / client", "MiB")
CLIENT = "kafka-python"


def run(run: Run) -> Result:
    """A line of all turns, and a table with one row for each million."""
    topic = Topic(run.broker.bootstrap_servers, vector(FEATURES), PARTITIONS)
    records = run.records(MILLION)
    topic.fill(run.records(20_480))
    ours, clients, rows = [], [], []
    with subject(topic, vector(FEATURES), run.fresh_folder("endurance")) as daemon:
        for turn in run.each(range(SHORT_TURNS if run.short else TURNS), lambda i: f"{i + 1}"):
            topic.fill(records)
            clients.append(client(CLIENT, topic, records))
            ours.append(daemon.work_off(records))
            row: tuple[Cell, ...] = (
                turn + 1,
                ours[-1].processor,
                clients[-1].processor,
                ours[-1].processor / clients[-1].processor,
                round(resident(daemon.pid) / MIB),
            )
            rows.append(row)
    notes = {"last / first": ours[-1].processor / ours[0].processor, "batch": bare.BATCH}
    name = f"{FEATURES} float32, raw, {PARTITIONS} partitions, {CLIENT}"
    return Result([Line(name, ours, {CLIENT: clients}, notes=notes)], [Table(name, HEADER, rows)])
