"""However long a file is, a backtest keeps only a part of it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from models.schema import Schema
from monitor.backtest.backtest import Backtest
from monitor.backtest.file_past import FilePast
from monitor.backtest.times import Even
from monitor.config import file as config_file
from monitor.datasets import Dataset
from tests.monitor.backtest.streams import NAMES, configured, rows


def parts(count: int) -> Iterator[Dataset]:
    """So many thousand records, made as they are asked for."""
    for part in range(count):
        index = np.arange(1000 * part, 1000 * (part + 1))
        yield Dataset(rows(part, 1000), Schema.numbers(NAMES), (), index)


def peak(config: Path, thousands: int) -> int:
    """Most bytes that a replay of so many records holds."""
    backtest = Backtest(config_file.load(str(config)))
    tracemalloc.start()
    try:
        result = backtest.run(FilePast(parts(thousands), "made", Even(50.0), backtest))
        assert result.records == 1000 * thousands
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_four_times_the_records_take_about_the_same_memory(plant: Path, tmp_path: Path) -> None:
    config = configured(tmp_path, plant, "standard")
    peak(config, 5)  # what is made once
    few, many = peak(config, 100), peak(config, 400)
    # As held at once, the further records would be 300,000 * 3 * 8 bytes, 7.2 MB. The course of
    # the errors fills up: 256 pieces, each of which knows a few hundred different errors.
    assert many - few < 2_500_000
