"""Fifty million rows of a Parquet file: does the memory stay as for a million, and how fast?"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from benchmarks.bench.lines import Cell, Line, Result, Table
from benchmarks.bench.measuring import Cost
from benchmarks.bench.running import Run

TITLE = "rows of 8 float32 in a Parquet file, beside plain pyarrow and torch"
FEATURES = 8
MILLION = 1_000_000
MANY, SHORT_MANY = 50 * MILLION, 2 * MILLION
SAMPLED = 100_000
HEADER = ("rows", "command", "MiB at most", "s", "rows a second of processor time")


@dataclass(frozen=True, slots=True)
class Ran:
    """A process that has ended. mebibytes: its memory at most."""

    seconds: float
    processor: float
    mebibytes: float


def run(run: Run) -> Result:
    """A row for each command and length; a line for scoring beside the bare parts."""
    folder = run.fresh_folder("files")
    lengths = (MILLION // 10 if run.short else MILLION, SHORT_MANY if run.short else MANY)
    paths = [write(folder / f"rows-{rows}.parquet", rows) for rows in lengths]
    rows: list[tuple[Cell, ...]] = []
    for count, path in run.each(list(zip(lengths, paths, strict=True)), lambda each: str(each[0])):
        bundle, scores = folder / f"bundle-{count}", folder / "scores.parquet"
        trained = ours(
            "train", "--data", str(path), "--out", str(bundle), "--epochs", "2",
            "--max-records", str(SAMPLED),
        )  # fmt: skip
        scored = ours("score", str(bundle), "--data", str(path), "--out", str(scores))
        plain = process([sys.executable, "-m", "benchmarks.bench.plain_score", bundle, path])
        for name, ran in (("train", trained), ("score", scored), ("plain score", plain)):
            rows.append(
                (count, name, round(ran.mebibytes), round(ran.seconds, 1),
                 round(count / ran.processor))
            )  # fmt: skip
        scores.unlink()
    cost = [Cost(1e6 * scored.processor / count, 1e6 * scored.seconds / count)]
    bare = [Cost(1e6 * plain.processor / count, 1e6 * plain.seconds / count)]
    line = Line(f"score {count:,} rows", cost, beside={"pyarrow and torch": bare})
    return Result([line], [Table("memory and time of commands", HEADER, rows)])


def write(path: Path, rows: int) -> Path:
    """A file of normal numbers that depend on each other, a million in memory at a time."""
    random = np.random.default_rng(0)
    mixing = random.normal(size=(3, FEATURES)).astype(np.float32)
    schema = pa.schema([(f"f{i}", pa.float32()) for i in range(FEATURES)])
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, MILLION):
            count = min(MILLION, rows - start)
            hidden = random.normal(size=(count, 3)).astype(np.float32)
            values = hidden @ mixing + 0.1 * random.normal(size=(count, FEATURES))
            columns = [pa.array(column, pa.float32()) for column in values.astype(np.float32).T]
            writer.write_table(pa.table(columns, schema=schema))
    return path


def ours(*arguments: str) -> Ran:
    """A command of ours."""
    return process([sys.executable, "-m", "monitor", *arguments])


def process(command: Sequence[object]) -> Ran:
    """A process from its start to its end. Raises RuntimeError if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench.measured_process", *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr[-500:]}")
    return Ran(**json.loads(done.stdout))
