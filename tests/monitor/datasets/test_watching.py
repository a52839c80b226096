"""Whoever shows how far reading has come is told of every record, and of the share of the file."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from PIL import Image

from monitor.datasets import Reading, learning, load, places
from monitor.datasets.source import Source
from monitor.datasets.watching import Advance, Meter
from monitor.errors import DataError

ROWS = 60_000
TEXT = b"a,b\n" + b"".join(b"%d.5,%d.25\n" % (i % 97, i % 89) for i in range(ROWS))


@dataclass
class Bar:
    """What one bar was told. open: it is shown now."""

    text: str
    total: int | None
    unit: str
    counts: list[int] = field(default_factory=list)
    shares: list[float | None] = field(default_factory=list)
    open: bool = True


class Watched:
    """A watch that remembers its bars."""

    def __init__(self) -> None:
        self.bars: list[Bar] = []
        self.reading = Reading(watch=self.watch)

    @contextmanager
    def watch(self, text: str, total: int | None, unit: str, /) -> Iterator[Advance]:
        bar = Bar(text, total, unit)
        self.bars.append(bar)

        def advance(count: int, share: float | None = None, /) -> None:
            assert bar.open
            bar.counts.append(count)
            bar.shares.append(share)

        try:
            yield advance
        finally:
            bar.open = False

    def passes(self, path: object) -> list[Bar]:
        """The passes over a table, each of which must have told of all its rows."""
        found = [bar for bar in self.bars if bar.text.startswith(f"reading {path}")]
        ends = [bar.text.removeprefix(f"reading {path}") for bar in found]
        assert ends == ["", *(f", pass {number}" for number in range(2, len(ends) + 1))]
        assert not any(bar.open for bar in self.bars)
        return found


@pytest.fixture
def watched() -> Watched:
    return Watched()


def rises_to_one(bar: Bar) -> bool:
    shares = [share for share in bar.shares if share is not None]
    return len(shares) == len(bar.shares) and shares == sorted(shares) and shares[-1] == 1.0


@pytest.mark.parametrize("packed", [False, True])
def test_a_csv_tells_its_share_of_bytes(tmp_path: Path, watched: Watched, packed: bool) -> None:
    path = tmp_path / ("x.csv.gz" if packed else "x.csv")
    path.write_bytes(gzip.compress(TEXT) if packed else TEXT)
    assert len(load(str(path), None, watched.reading).records) == ROWS
    found = watched.passes(path)
    assert len(found) == 2
    for bar in found:
        assert (bar.total, bar.unit, sum(bar.counts)) == (None, "records", ROWS)
        assert rises_to_one(bar)


def test_choosing_records_is_a_pass_of_its_own(tmp_path: Path, watched: Watched) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(TEXT)
    load(str(path), "a!=3.5", watched.reading)
    assert len(watched.passes(path)) == 3


def test_parquet_knows_how_many_rows_there_are(tmp_path: Path, watched: Watched) -> None:
    path = tmp_path / "x.parquet"
    pyarrow.parquet.write_table(pa.table({"a": np.arange(ROWS) % 97}), path)
    learning.look(str(path), watched.reading)
    for bar in watched.passes(path):
        assert (bar.total, sum(bar.counts), set(bar.shares)) == (ROWS, ROWS, {None})


@pytest.mark.parametrize("stream", [False, True])
def test_arrow_tells_its_share_of_bytes(tmp_path: Path, watched: Watched, stream: bool) -> None:
    path = tmp_path / "x.arrow"
    table = pa.table({"a": np.arange(ROWS) % 97})
    opened = pa.ipc.new_stream if stream else pa.ipc.new_file
    with opened(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=10_000)
    load(str(path), None, watched.reading)
    for bar in watched.passes(path):
        assert (bar.total, sum(bar.counts)) == (None, ROWS)
        shares = [share or 0.0 for share in bar.shares]
        assert shares == sorted(shares)
        assert 0 < shares[0] < 0.5
        assert shares[-1] > 0.9


def test_several_files_are_one_bar(tmp_path: Path, watched: Watched) -> None:
    for day in (1, 2):
        (tmp_path / f"{day}.csv").write_bytes(TEXT)
    load(str(tmp_path), None, watched.reading)
    for bar in watched.passes(tmp_path):
        assert sum(bar.counts) == 2 * ROWS
        assert rises_to_one(bar)
    for day in (1, 2):
        (tmp_path / f"{day}.csv").unlink()
        pyarrow.parquet.write_table(pa.table({"a": [1.5, 2.5]}), tmp_path / f"{day}.parquet")
    parquet = Watched()
    load(str(tmp_path), None, parquet.reading)
    assert [(bar.total, sum(bar.counts)) for bar in parquet.passes(tmp_path)] == [(4, 4)] * 2


def test_standard_input_is_counted_in_lines_while_it_comes(
    monkeypatch: pytest.MonkeyPatch, watched: Watched
) -> None:
    places._kept.cache_clear()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT)))
    load("-", None, watched.reading)
    load("-", None, watched.reading)
    places._kept.cache_clear()
    (coming,) = [bar for bar in watched.bars if bar.text == "receiving standard input"]
    assert (coming.total, coming.unit, sum(coming.counts)) == (None, "lines", ROWS + 1)
    assert all(rises_to_one(bar) for bar in watched.bars if bar is not coming)


def test_a_file_in_a_store_knows_its_size_too(watched: Watched) -> None:
    fsspec.filesystem("memory").pipe("/bucket/x.csv", TEXT)
    load("memory://bucket/x.csv", None, watched.reading)
    first, second = watched.passes("memory:///bucket/x.csv")
    assert rises_to_one(first)
    assert rises_to_one(second)


def test_a_stream_without_a_size_has_no_share() -> None:
    meter = Meter()
    with Source("x", "csv", lambda: Unsized(TEXT)).open(meter) as file:
        assert file.read() == TEXT
    assert (meter.seen, meter.share) == (len(TEXT), None)


class Unsized(io.BytesIO):
    """A stream that has neither a size nor a descriptor."""


@pytest.mark.parametrize("kind", [np.float32, np.uint8])
def test_arrays_are_watched_while_their_values_are_looked_at(
    tmp_path: Path, watched: Watched, kind: type[np.generic]
) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((70_000, 80), dtype=kind))
    learning.read(str(path), watched.reading)
    told = {bar.text: sum(bar.counts) for bar in watched.bars if bar.counts}
    known = {bar.text: bar.total for bar in watched.bars if bar.counts}
    looked = {f"looking at {path}": 70_000}
    # Whole numbers are finite without a look.
    assert told == known == looked | ({f"reading {path}": 70_000} if kind is np.float32 else {})


def test_gaps_in_arrays_are_looked_for_under_a_bar(tmp_path: Path, watched: Watched) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.where(np.arange(300)[:, None] % 3 == 0, np.nan, 1.5))
    reading = Reading(watch=watched.watch, missing="skip", say=lambda _: None)
    assert len(load(str(path), None, reading).records) == 200
    told = {bar.text: (bar.total, sum(bar.counts)) for bar in watched.bars if bar.counts}
    assert told == {f"looking for gaps in {path}": (300, 300), f"reading {path}": (200, 200)}


def test_pictures_are_looked_at_and_read(tmp_path: Path, watched: Watched) -> None:
    for number in range(5):
        Image.new("L", (4, 4), number).save(tmp_path / f"{number}.png")
    load(str(tmp_path), None, watched.reading)
    told = [(bar.text, bar.total, sum(bar.counts)) for bar in watched.bars]
    assert told == [(f"looking at {tmp_path}", 5, 5), (f"reading {tmp_path}", 5, 5)]


def test_bars_of_what_fails_go_away(tmp_path: Path, watched: Watched) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n3,4\n5,nan\n")
    with pytest.raises(DataError):
        load(str(path), None, watched.reading)
    assert watched.bars
    assert not any(bar.open for bar in watched.bars)
