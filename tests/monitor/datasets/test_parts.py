"""Files are read in parts: the same records, whatever the parts, and only one in memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

from models.input_spec import InputSpec
from models.schema import Schema
from monitor.datasets import Dataset, blocks, fitting, load
from monitor.datasets.parts import joined, regrouped
from monitor.errors import DataError

ROWS = 60_000
"""More than a megabyte of text, and several parts of Parquet."""


def dataset(start, stop):
    index = np.arange(start, stop, dtype=np.int64)
    names = tuple(f"n{i}" for i in index)
    return Dataset(index[:, None] * 1.0, Schema.numbers(["a"]), names, index, {"t": list(names)})


@pytest.mark.parametrize("ends", [(10,), (1, 2, 3, 10), (4, 8, 10), (9, 10)])
def test_parts_of_one_size_whatever_came(ends):
    came = [dataset(start, stop) for start, stop in zip((0, *ends), ends, strict=False)]
    found = list(regrouped(came, 4))
    assert [len(part.records) for part in found] == [4, 4, 2]
    whole = joined(found)
    assert whole.index.tolist() == whole.records[:, 0].tolist() == list(range(10))
    assert whole.names == tuple(whole.carried["t"]) == tuple(f"n{i}" for i in range(10))
    assert whole.features == ("a",)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The same numbers as CSV and as Parquet, with labels; returns a path by suffix."""
    folder = tmp_path_factory.mktemp("parts")
    rows = np.random.default_rng(0).normal(size=(ROWS, 3)).round(6)
    kind = np.arange(ROWS) % 3
    with (folder / "data.csv").open("w") as file:
        file.write("a,b,kind,c\n")
        file.writelines(f"{a},{b},{k},{c}\n" for (a, b, c), k in zip(rows, kind, strict=True))
    columns = {"a": rows[:, 0], "b": rows[:, 1], "kind": kind, "c": rows[:, 2]}
    pyarrow.parquet.write_table(pa.table(columns), folder / "data.parquet")
    np.save(folder / "kind.npy", kind)
    return rows, kind, lambda suffix: str(folder / f"data.{suffix}"), str(folder / "kind.npy")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_comes_in_several_parts_and_whole_by_load(table, suffix):
    rows, kind, path, _ = table
    found = list(blocks(path(suffix), "kind=1"))
    assert len(found) > 1
    assert [data.features for data in found] == [("a", "b", "c")] * len(found)
    np.testing.assert_array_equal(joined(found).index, np.flatnonzero(kind == 1))
    np.testing.assert_array_equal(joined(found).records, rows[kind == 1])
    np.testing.assert_array_equal(load(path(suffix), "kind=1").records, rows[kind == 1])


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_labels_of_another_file_choose_over_all_parts(table, suffix):
    rows, kind, path, labels = table
    data = load(path(suffix), f"{labels}=2")
    np.testing.assert_array_equal(data.index, np.flatnonzero(kind == 2))
    np.testing.assert_array_equal(data.records[:, [0, 1, 3]], rows[kind == 2])


def test_a_fault_far_down_is_named_by_its_line_when_it_is_reached(table, tmp_path):
    _, _, path, _ = table
    lines = Path(path("csv")).read_text().splitlines(keepends=True)
    lines[50_001] = "1,2,3,x\n"
    (tmp_path / "bad.csv").write_text("".join(lines))
    spec = InputSpec.fit(np.eye(4), Schema.numbers(["a", "b", "kind", "c"]))
    found = fitting.blocks(str(tmp_path / "bad.csv"), None, spec)
    assert len(next(found).records) > 1000
    with pytest.raises(DataError, match="line 50002, column 'c': 'x' is not a finite number"):
        list(found)
    with pytest.raises(DataError, match="column 'c', line 50002: 'x' is not a finite number"):
        load(str(tmp_path / "bad.csv"))


def test_a_missing_value_far_down_in_parquet_is_named_by_its_row(tmp_path):
    values = [1.0] * 20_000
    values[15_000] = None
    pyarrow.parquet.write_table(pa.table({"a": values}), tmp_path / "bad.parquet")
    spec = InputSpec.fit(np.ones((2, 1)), Schema.numbers(["a"]))
    with pytest.raises(DataError, match=r"row 15000 .*, column 'a': a value is missing"):
        fitting.load(str(tmp_path / "bad.parquet"), None, spec)
    with pytest.raises(DataError, match=r"values are missing in a 0.01%. Say --missing indicate"):
        load(str(tmp_path / "bad.parquet"))


def test_many_pictures_come_in_parts_and_one_in_colour_makes_all_of_them_so(tmp_path):
    for i in range(600):
        mode = "RGB" if i == 599 else "L"
        Image.new(mode, (4, 4), i % 256 if mode == "L" else (1, 2, 3)).save(
            tmp_path / f"{i:03}.png"
        )
    sizes = [data.records.shape for data in blocks(str(tmp_path))]
    assert sizes == [(512, 4, 4, 3), (88, 4, 4, 3)]
    data = load(str(tmp_path))
    assert (data.names[0], data.names[-1]) == ("000.png", "599.png")
    assert data.index.tolist() == list(range(600))


READ = """
import resource, sys
from monitor.datasets import blocks
rows = sum(len(data.records) for data in blocks(sys.argv[1]))
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_does_not_grow_with_the_file(tmp_path):
    def mebibytes(rows):
        path = tmp_path / "data.csv"
        with path.open("w") as file:
            file.write("a,b,c,d,e,f,g,h\n")
            file.writelines("0.123456789,1,2,3,4,5,6,0.5\n" for _ in range(rows))
        command = [sys.executable, "-c", READ, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        read, memory = map(int, done.stdout.split())
        assert read == rows
        return memory

    # 700,000 rows more: 45 MB as numbers, and several hundred as text.
    assert mebibytes(750_000) - mebibytes(50_000) < 30
