"""Whatever a file holds: records, or one DataError that says what to do."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from monitor.datasets import Reading, learning
from monitor.errors import DataError

CELLS = st.sampled_from(
    ["1", "-2.5", "3,5", "1,234", "", "NA", "nan", "inf", "x", "a b", "2026-01-01", "true", '"',
     '"a"', "#", "1e400", "0", "12", "°C", "\0", "5 kg", "'", "[1, 2]"]
)  # fmt: skip
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=6)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "header": st.booleans(), "decimal": st.sampled_from([".", ",", "x"]),
        "delimiter": st.sampled_from([",", ";", "a", "", "\t"]),
        "missing": st.sampled_from(["refuse", "indicate", "skip"]),
        "encoding": st.sampled_from(["utf-8", "cp1252", "utf-16", "absent"]),
        "max_records": st.integers(0, 3), "drop": st.sampled_from([("1",), ("a",)]),
    },
)  # fmt: skip
MANY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def understood(path: Path, **said: object) -> None:
    try:
        learned = learning.read(str(path), Reading(**said, say=lambda text: None))
    except DataError as error:
        assert str(error)
        return
    assert len(learned.data.records) >= 1
    assert not np.isinf(learned.data.records.astype(np.float64)).any()
    assert learned.account.text()


@MANY
@given(
    rows=ROWS,
    between=st.sampled_from([",", ";", "\t", " ", "|"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-16", "cp1252"]),
    said=OPTIONS,
)
@example(
    rows=[["1"], ["-2.5", "3,5"]], between=";", end="\n", encoding="utf-8", said={"header": False}
)
def test_csv(
    tmp_path: Path, rows: list[list[str]], between: str, end: str, encoding: str,
    said: dict[str, object],
) -> None:  # fmt: skip
    text = end.join(between.join(row) for row in rows)
    (tmp_path / "x.csv").write_bytes(text.encode(encoding))
    understood(tmp_path / "x.csv", **said)


@MANY
@given(content=st.binary(max_size=80))
@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.parquet", "x.feather", "x.npy", "x.npz"])
def test_bytes(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    understood(tmp_path / name)


@pytest.mark.parametrize("name", ["x.parquet", "x.feather"])
def test_damaged_tables(tmp_path: Path, name: str) -> None:
    table = pa.table({"a": np.arange(50.0), "b": ["x", "y"] * 25, "c": [[1.5, 2]] * 50})
    write = pyarrow.parquet.write_table if name == "x.parquet" else pyarrow.feather.write_feather
    write(table, str(tmp_path / name))
    whole = (tmp_path / name).read_bytes()
    random = np.random.default_rng(0)
    for _ in range(150):
        content = bytearray(whole)
        for at in random.integers(0, len(whole), 3):
            content[at] = random.integers(256)
        (tmp_path / name).write_bytes(content[: random.integers(1, len(whole) + 1)])
        understood(tmp_path / name)


TYPES = (
    pa.int8(), pa.uint64(), pa.float16(), pa.float32(), pa.bool_(), pa.string(), pa.large_string(),
    pa.string_view(), pa.binary(), pa.date32(), pa.timestamp("us", "UTC"), pa.duration("s"),
    pa.time64("us"), pa.decimal128(9, 2), pa.decimal256(50, 2), pa.null(), pa.list_(pa.int8()),
    pa.large_list(pa.float32()), pa.list_(pa.float64(), 2), pa.list_(pa.string()),
    pa.struct([("x", pa.int8())]), pa.map_(pa.string(), pa.int8()),
    pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int8(), pa.int64()),
)  # fmt: skip


@pytest.mark.parametrize("nulls", [0, 1, 3])
@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_every_type_of_arrow(tmp_path: Path, kind: pa.DataType, nulls: int) -> None:
    values = pa.array([None] * nulls + [value_of(kind)] * (3 - nulls), kind)
    pyarrow.feather.write_feather(
        pa.table({"a": [1.5, 2, 3], "x": values}), str(tmp_path / "x.feather"), "uncompressed"
    )
    for missing in ("refuse", "indicate", "skip"):
        understood(tmp_path / "x.feather", missing=missing)


def value_of(kind: pa.DataType) -> object:
    """One value of a type."""
    types = pa.types
    if types.is_null(kind):
        return None
    if types.is_dictionary(kind):
        return value_of(kind.value_type)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return [value_of(kind.value_type)] * 2
    if types.is_struct(kind):
        return {"x": 1}
    if types.is_map(kind):
        return [("k", 1)]
    if types.is_binary(kind):
        return b"x"
    if types.is_boolean(kind):
        return True
    return "x" if "string" in str(kind) else pa.scalar(1, pa.int64()).cast(_through(kind)).as_py()


def _through(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_decimal(kind):
        return pa.decimal128(21, 2)
    return kind if not pa.types.is_date32(kind) else pa.timestamp("s")
