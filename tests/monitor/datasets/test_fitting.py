"""Data as a model takes them: by name, in its categories, in its units."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from models.input_spec import InputSpec
from models.schema import Feature, Schema
from monitor.datasets import Reading, fitting
from monitor.errors import DataError

SCHEMA = Schema(
    (
        Feature("a"),
        Feature("kind", "category", ("red", "blue"), missing=True),
        Feature("ok", "boolean"),
        Feature("b", missing=True),
    )
)
ROWS = np.array([[1.5, 0, 1, 7.0], [2.5, 1, 0, np.nan], [3.5, np.nan, 1, 8.0], [4.5, 2, 1, 9.0]])
SPEC = InputSpec.fit(np.repeat(ROWS, 20, axis=0), SCHEMA)


def columns() -> dict[str, object]:
    return {
        "b": [7.0, None, 8.0, 9.0], "ok": [True, False, True, True], "a": [1.5, 2.5, 3.5, 4.5],
        "kind": ["red", "blue", None, "green"],
    }  # fmt: skip


def csv(folder: Path, columns: dict[str, object], **texts: object) -> str:
    rows = zip(*(values for values in columns.values()), strict=True)
    lines = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
    (folder / "x.csv").write_text("\n".join([",".join(columns), *lines]) + "\n")
    return str(folder / "x.csv")


def parquet(folder: Path, columns: dict[str, object], **types: pa.DataType) -> str:
    arrays = {name: pa.array(values, types.get(name)) for name, values in columns.items()}
    arrays = {
        name: array.dictionary_encode() if types.get(name) == "dictionary" else array
        for name, array in arrays.items()
    }
    pyarrow.parquet.write_table(pa.table(arrays), folder / "x.parquet")
    return str(folder / "x.parquet")


def fitted(path: str, spec: InputSpec = SPEC, **said: object) -> tuple[np.ndarray, str]:
    told: list[str] = []
    data = fitting.load(path, None, spec, Reading(**said, say=told.append))
    assert data.schema == spec.schema
    return data.records, "\n".join(told)


@pytest.mark.parametrize("write", [csv, parquet])
def test_each_kind_of_column_becomes_the_models_numbers(tmp_path: Path, write) -> None:
    records, told = fitted(write(tmp_path, columns()))
    np.testing.assert_array_equal(records, ROWS)
    assert told.endswith("'kind': 1 values that training had not seen")


@pytest.mark.parametrize(
    ("change", "types"),
    [
        ({"a": ["1.5", "2.5", "3.5", "4.5"]}, {}),
        ({"a": [1.5, 2.5, 3.5, 4.5]}, {"a": pa.float32()}),
        ({"b": [7, None, 8, 9]}, {"b": pa.int8()}),
        ({"ok": [1, 0, 1, 1]}, {"ok": pa.uint8()}),
        ({"ok": ["true", "FALSE", "1", "True"]}, {}),
    ],
)
def test_another_type_is_read_if_nothing_is_lost(
    tmp_path: Path, change: dict[str, object], types: dict[str, pa.DataType]
) -> None:
    records, _ = fitted(parquet(tmp_path, columns() | change, **types))
    np.testing.assert_array_equal(records, ROWS)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"a": ["x", "1", "2", "3"]}, "column 'a': 'x' is not a finite number"),
        ({"a": [np.inf, 1, 2, 3]}, "column 'a': 'inf' is not a finite number"),
        ({"a": [None, 1, 2, 3]}, "column 'a': a value is missing"),
        ({"ok": ["maybe", "1", "0", "1"]}, "column 'ok': 'maybe' is not true or false"),
        ({"ok": [2, 1, 0, 1]}, "column 'ok': '2' is not true or false"),
        ({"a": [[1.5], [2.5], [3.5], [4.5]]}, "no column 'a'"),
    ],
)
def test_a_cell_that_does_not_fit_is_refused_with_its_place(
    tmp_path: Path, change: dict[str, object], fault: str
) -> None:
    with pytest.raises(DataError, match=fault):
        fitted(parquet(tmp_path, columns() | change))


def test_records_that_lack_what_the_model_needs_can_be_skipped(tmp_path: Path) -> None:
    records, told = fitted(parquet(tmp_path, columns() | {"a": [None, 1, 2, 3]}), missing="skip")
    assert records[:, 0].tolist() == [1, 2, 3]
    assert "left out: 1 records that lack a value" in told


def test_all_missing_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no column 'a', .* \(nor ok\)\. .* the file has b, kind"):
        fitted(csv(tmp_path, {"b": [7.0], "kind": ["red"]}))


def test_lists_are_features_by_place(tmp_path: Path) -> None:
    spec = InputSpec.fit(np.eye(4), Schema.numbers(["x", "e[0]", "e[1]", "e[2]"]))
    path = parquet(tmp_path, {"e": [[1.5, 2, 3], [4.5, 5, 6]], "x": [0.5, 9]})
    assert fitted(path, spec)[0].tolist() == [[0.5, 1.5, 2, 3], [9, 4.5, 5, 6]]
    path = parquet(tmp_path, {"e": [[1.5, 2, 3], [4.5, 5]], "x": [0.5, 9]})
    with pytest.raises(DataError, match=r"row 1 .*: a list of 3 numbers expected, got 2"):
        fitted(path, spec)


@pytest.mark.parametrize(("width", "fits"), [(2, True), (3, False)])
def test_a_model_without_names_takes_as_many_columns_as_it_knows(
    tmp_path: Path, width: int, fits: bool
) -> None:
    spec = InputSpec.fit(np.random.default_rng(0).normal(size=(9, 2)))
    path = csv(tmp_path, {name: [1.5, 2.5] for name in "abc"[:width]})
    if not fits:
        with pytest.raises(DataError, match=r"must have shape \(2,\), got \(3,\)"):
            fitted(path, spec)
        assert fitted(path, spec, drop=("b",))[0].shape == (2, 2)
    else:
        assert "the model has no names" in fitted(path, spec)[1]


def test_a_table_for_a_model_of_pictures_is_refused(tmp_path: Path) -> None:
    spec = InputSpec.fit(np.zeros((2, 3, 4)))
    with pytest.raises(DataError, match="a table, and the model was trained on pictures"):
        fitted(csv(tmp_path, {"a": [1.5]}), spec)


def test_an_array_has_no_place_for_categories(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((3, 4)))
    with pytest.raises(DataError, match="an array has no names"):
        fitted(str(tmp_path / "x.npy"))


@pytest.mark.parametrize(
    ("scale", "shift", "warned"),
    [
        (1, 0, False),
        (1, 2, False),
        (3, 0, False),
        (1, 1000, True),
        (1, -50, True),
        (1000, 5e4, True),
    ],
)
def test_another_unit_is_told_by_name(
    tmp_path: Path, scale: float, shift: float, warned: bool
) -> None:
    normal = np.random.default_rng(0).normal(10, 1, size=(500, 2))
    spec = InputSpec.fit(normal, Schema.numbers(["temperature", "other"]))
    later = np.random.default_rng(1).normal(10, 1, size=(500, 2)) * [scale, 1] + [shift, 0]
    path = csv(tmp_path, {"temperature": later[:, 0].tolist(), "other": later[:, 1].tolist()})
    told = fitted(path, spec)[1]
    assert ("WARNING: 'temperature' is" in told) == warned
    assert "'other'" not in told


def test_a_few_wild_records_are_no_other_unit(tmp_path: Path) -> None:
    spec = InputSpec.fit(np.random.default_rng(0).normal(size=(500, 1)), Schema.numbers(["t"]))
    path = csv(tmp_path, {"t": [1e6] * 90 + [0.5] * 10})
    assert fitted(path, spec)[1] == ""
