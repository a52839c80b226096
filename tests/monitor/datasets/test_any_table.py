"""Whatever a table is like and however it is changed: a model gets it right, or it is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.input_spec import InputSpec
from monitor.datasets import fitting, learning
from monitor.datasets.request import Reading
from monitor.errors import DataError

ROWS = 60
NAMES = st.lists(
    st.text("abcXYZ_. äß", min_size=1, max_size=8).filter(lambda name: name.strip() == name),
    min_size=2, max_size=6, unique=True,
)  # fmt: skip
KINDS = ("float", "whole", "small", "truth", "word", "lacking")
QUICKLY = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@dataclass
class Columns:
    """A table's columns by name, and the kind of each."""

    cells: dict[str, pa.Array]
    kinds: dict[str, str]


def column(kind: str, rng: np.random.Generator) -> pa.Array:
    match kind:
        case "float":
            return pa.array(rng.normal(1000, 3, ROWS))
        case "whole":
            return pa.array(rng.integers(-50, 50, ROWS))
        case "small":
            return pa.array(rng.normal(0, 1e-6, ROWS))
        case "truth":
            return pa.array(rng.random(ROWS) < 0.5)
        case "word":
            return pa.array(rng.choice(["red", "green", "blue"], ROWS).tolist())
        case _:
            values = rng.normal(5, 1, ROWS)
            return pa.array([None if i % 7 == 0 else float(v) for i, v in enumerate(values)])


@st.composite
def tables(draw: st.DrawFn) -> Columns:
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    kinds = {name: draw(st.sampled_from(KINDS)) for name in draw(NAMES)}
    return Columns({name: column(kind, rng) for name, kind in kinds.items()}, kinds)


def write(cells: dict[str, pa.Array], path: Path) -> str:
    table = pa.table(cells)
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(table, path)
    else:
        pyarrow.csv.write_csv(table, path)
    return str(path)


def model_of(cells: dict[str, pa.Array], path: Path) -> tuple[InputSpec, NDArray[Any]]:
    """What a model knows of the table, and the table as it was learned."""
    reading = Reading(missing="indicate", say=lambda text: None)
    learned = learning.read([write(cells, path)], reading)
    return InputSpec.fit(learned.data.records, learned.data.schema), learned.data.records


def read(cells: dict[str, pa.Array], path: Path, spec: InputSpec) -> tuple[NDArray[Any], str]:
    """The rows that the model gets, and what was said."""
    said: list[str] = []
    data = fitting.load([write(cells, path)], None, spec, Reading(say=said.append))
    return data.records, "\n".join(said)


@pytest.fixture(params=[".csv", ".parquet"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / f"table{request.param}"


def same(found: NDArray[Any], expected: NDArray[Any]) -> bool:
    return np.allclose(found, expected, rtol=1e-6, atol=1e-12, equal_nan=True)


Change = Callable[[dict[str, pa.Array]], dict[str, pa.Array]]
HARMLESS: dict[str, Change] = {
    "other order": lambda cells: dict(reversed(cells.items())),
    "one more": lambda cells: {"new": pa.array(range(ROWS)), **cells},
    "wider": lambda cells: {n: widened(c) for n, c in cells.items()},
    "words by number": lambda cells: {
        n: c.dictionary_encode() if c.type == pa.string() else c for n, c in cells.items()
    },
}


def widened(cells: pa.Array) -> pa.Array:
    if pa.types.is_integer(cells.type):
        return cells.cast(pa.float64())
    return cells.cast(pa.large_string()) if cells.type == pa.string() else cells


@pytest.mark.parametrize("change", HARMLESS)
@QUICKLY
@given(table=tables())
def test_what_changes_nothing_gives_the_same_rows(file: Path, change: str, table: Columns) -> None:
    spec, expected = model_of(table.cells, file)
    found, _ = read(HARMLESS[change](table.cells), file, spec)
    assert same(found, expected)


@QUICKLY
@given(table=tables(), data=st.data())
def test_a_column_that_is_gone_or_renamed_is_named(
    file: Path, table: Columns, data: st.DataObject
) -> None:
    spec, _ = model_of(table.cells, file)
    gone = data.draw(st.sampled_from(sorted(table.cells)))
    renamed = data.draw(st.booleans())
    cells = {
        # A name such as .2 would read as a number, and the line as one without names.
        (f"{name} once" if name == gone else name): cells
        for name, cells in table.cells.items()
        if renamed or name != gone
    }
    with pytest.raises(DataError) as refused:
        read(cells, file, spec)
    assert repr(gone) in str(refused.value)


@QUICKLY
@given(table=tables(), data=st.data())
def test_another_unit_is_told_by_name(file: Path, table: Columns, data: st.DataObject) -> None:
    numbers = [n for n, kind in table.kinds.items() if kind in ("float", "small")]
    if not numbers:
        return
    changed = data.draw(st.sampled_from(numbers))
    spec, _ = model_of(table.cells, file)
    offset = 0.0 if table.kinds[changed] == "float" else 1e-3
    cells = dict(table.cells)
    cells[changed] = pa.array((cells[changed].to_numpy() + offset) * 1000)
    _, said = read(cells, file, spec)
    assert changed in said


@QUICKLY
@given(table=tables(), data=st.data())
def test_a_column_of_another_kind_is_refused_or_the_same(
    file: Path, table: Columns, data: st.DataObject
) -> None:
    spec, expected = model_of(table.cells, file)
    changed = data.draw(st.sampled_from(sorted(table.cells)))
    other = data.draw(st.sampled_from(KINDS))
    if other == table.kinds[changed]:
        return
    cells = dict(table.cells)
    cells[changed] = column(other, np.random.default_rng(1))
    try:
        found, said = read(cells, file, spec)
    except DataError as error:
        assert repr(changed) in str(error) or changed in str(error)
        return
    at = list(spec.features).index(changed)
    others = [i for i in range(len(spec.features)) if i != at]
    assert same(found[:, others], expected[:, others])
    if table.kinds[changed] == "word":
        assert changed in said  # none of its values was there in training
