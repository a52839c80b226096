"""Where data lie: patterns, several files, standard input, addresses."""

import io
import sys
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from monitor.datasets import Reading, blocks, load, places
from monitor.errors import DataError

ROWS = "1.5,2\n2.5,3\n"


@pytest.fixture
def days(tmp_path: Path) -> Path:
    """day_1.csv, day_2.csv, day_10.csv, each with its number in column a."""
    for day in (10, 2, 1):
        (tmp_path / f"day_{day}.csv").write_text(f"a,b\n{day},0.5\n{day},1.5\n")
    return tmp_path


@pytest.mark.parametrize(
    "named", [["day_*.csv"], ["day_1.csv", "day_2.csv", "day_10.csv"], ["."]], ids=str
)
def test_several_files_are_one_table_in_natural_order(
    days: Path, named: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(days)
    data = load(named)
    assert data.records[:, 0].tolist() == [1, 1, 2, 2, 10, 10]
    assert data.index.tolist() == list(range(6))


def test_columns_may_come_in_another_order_in_each_file(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a,b\n1.5,2\n")
    (tmp_path / "2.csv").write_text("b,a\n4,3.5\n")
    assert load(str(tmp_path)).records.tolist() == [[1.5, 2], [3.5, 4]]


def test_a_fault_names_the_file_of_several(days: Path) -> None:
    (days / "day_2.csv").write_text("a,b\n1,2\n3,oops\n")
    with pytest.raises(DataError, match=r"day_2.csv, line 3: 'oops' is not a finite number"):
        load(str(days / "day_*.csv"))


def test_arrays_of_several_files_are_one(tmp_path: Path) -> None:
    for i in range(2):
        np.save(tmp_path / f"{i}.npy", np.full((2, 3), i))
    data = load(str(tmp_path / "*.npy"))
    assert data.records[:, 0].tolist() == [0, 0, 1, 1]
    assert data.index.tolist() == [0, 1, 2, 3]
    few = load(str(tmp_path / "*.npy"), reading=Reading(max_records=2, say=lambda text: None))
    assert few.index.tolist() == [0, 3]
    np.save(tmp_path / "labels.npy", [1, 0])
    chosen = load([str(tmp_path / f"{i}.npy") for i in range(2)], f"{tmp_path}/labels.npy=1")
    assert chosen.index.tolist() == [0, 2]
    (tmp_path / "labels.npy").unlink()
    np.save(tmp_path / "2.npy", np.zeros((2, 4)))
    with pytest.raises(DataError, match=r"2.npy: records of shape \(4,\), but those of .*0.npy"):
        load(str(tmp_path / "*.npy"))


def test_data_of_different_kinds_are_refused(days: Path) -> None:
    np.save(days / "x.npy", np.zeros((2, 2)))
    with pytest.raises(DataError, match="give data of one kind at a time"):
        load([str(days / "x.npy"), str(days / "day_1.csv")])


def test_standard_input_is_csv_and_may_be_read_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    places._kept.cache_clear()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n" + ROWS.encode())))
    assert load("-").records.tolist() == [[1.5, 2], [2.5, 3]]
    assert load("-").features == ("a", "b")
    places._kept.cache_clear()


@pytest.fixture
def store() -> str:
    """An object store in memory with two CSV files and a Parquet file."""
    system = fsspec.filesystem("memory")
    for day in (1, 2):
        system.pipe(f"/bucket/days/{day}.csv", f"a,b\n{day},0.5\n".encode())
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({"a": [1.5, 2.5]}), sink)
    system.pipe("/bucket/x.parquet", sink.getvalue())
    return "memory://bucket"


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("days/", [[1, 0.5], [2, 0.5]]),
        ("days/*.csv", [[1, 0.5], [2, 0.5]]),
        ("days/2.csv", [[2, 0.5]]),
        ("x.parquet", [[1.5], [2.5]]),
    ],
)
def test_addresses_are_read_as_files_are(store: str, path: str, rows: list[list[float]]) -> None:
    assert load(f"{store}/{path}").records.tolist() == rows


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("memory://bucket/absent.csv", "there is no such file or folder"),
        ("klingon://bucket/x.csv", "klingon:// cannot be read here"),
    ],
)
def test_an_address_that_cannot_be_read_is_one_line(store: str, address: str, fault: str) -> None:
    with pytest.raises(DataError, match=fault) as caught:
        load(address)
    assert "\n" not in str(caught.value)


def test_a_store_whose_package_is_missing_says_which_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(DataError, match=r"pip install 'aead-monitor\[s3\]'"):
        load("s3://bucket/day.csv")


@pytest.mark.parametrize(
    ("newest", "kept"), [(False, [0, 3, 6, 9]), (True, [6, 7, 8, 9])], ids=["evenly", "newest"]
)
@pytest.mark.parametrize("suffix", ["csv", "npy"])
def test_of_many_records_some_are_taken_and_that_is_said(
    tmp_path: Path, suffix: str, newest: bool, kept: list[int]
) -> None:
    path, rows = tmp_path / f"x.{suffix}", np.arange(20.0).reshape(10, 2)
    if suffix == "npy":
        np.save(path, rows)
    else:
        np.savetxt(path, rows, delimiter=",", header="a,b", comments="")
    said: list[str] = []
    data = load(str(path), reading=Reading(max_records=4, newest=newest, say=said.append))
    assert data.index.tolist() == kept
    assert data.records.tolist() == rows[kept].tolist()
    assert "4 of 10 records taken" in said[0]


def test_utf_16_is_read_in_blocks_that_end_anywhere(tmp_path: Path) -> None:
    rows = 150_000
    text = "a,b\n" + "".join(f"{i},0.1234567\n" for i in range(rows))
    (tmp_path / "x.csv").write_bytes(text.encode("utf-16"))
    parts = list(blocks(str(tmp_path / "x.csv")))
    assert len(parts) > 1
    column = np.concatenate([part.records[:, 0] for part in parts])
    assert column.tolist() == list(range(rows))
